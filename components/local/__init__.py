"""The `local` cloud: any Kubernetes cluster of a kubeconfig, and a folder of its node as the store."""
