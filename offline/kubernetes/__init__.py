"""A strict, small stand-in for the parts of pulumi-kubernetes 4.34 that biojobs uses."""
