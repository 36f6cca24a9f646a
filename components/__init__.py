"""Pulumi ComponentResources: the only code that creates resources."""
