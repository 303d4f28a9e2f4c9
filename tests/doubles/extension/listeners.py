"""The end of a listener, which in Lambda only the end of the process brings."""

from extension.lambda_api.listener import Listener


def close_listener(listener: Listener) -> None:
    """Close a listener's sockets, so that none is left to the next test."""
    for descriptor in list(listener._peers):
        listener._drop(descriptor)
    listener._listening.close()
