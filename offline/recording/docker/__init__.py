"""The recording Docker: copies of images between registries."""
