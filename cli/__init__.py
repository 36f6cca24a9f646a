"""The command `biojobs`: single jobs by hand, over the modules that the stack's program uses."""
