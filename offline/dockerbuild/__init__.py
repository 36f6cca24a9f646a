"""A strict, small stand-in for the part of pulumi-docker-build 0.0.22 that biojobs uses: `Image`."""
