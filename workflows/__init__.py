"""The pipelines: pure functions from typed values to Argo manifests. Nothing here does I/O or knows Pulumi."""
