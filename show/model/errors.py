"""Define the error that ends the command with one sentence."""


class ShowError(Exception):
    """The command cannot go on; the message says why, and what to do."""
