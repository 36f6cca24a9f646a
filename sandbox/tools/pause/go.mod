module biojobs.dev/sandbox/pause

go 1.21
