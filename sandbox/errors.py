"""The one exception that the sandbox shows to its user without a traceback."""


class SandboxError(Exception):
    """Something a person can mend; the message names what is wrong and the remedy."""
