"""End well behind a pipe whose reader has seen enough, such as head."""

import os
import sys


def forget_output() -> None:
    """Let the rest of standard output go nowhere: Python would write what is left when it ends, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
