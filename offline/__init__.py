"""Stand-ins for the Pulumi plugins that cannot be downloaded on some machines.

Used only where the official plugins cannot be had; `python -m offline.env` decides and says so in one line.
They are small and strict: an input they do not understand is an error, never ignored.
"""
