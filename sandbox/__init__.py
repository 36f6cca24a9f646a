"""One-node Kubernetes from packages: what the `local` stack runs on when there is no other cluster."""
