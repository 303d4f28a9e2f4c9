"""A function whose event says how the invocation ends."""

import logging
import os
import sys

log = logging.getLogger()
log.setLevel("INFO")


class Refusal(Exception):  # noqa: N818 - as people name them
    """An error type of the function's own."""


def refuse(order: int) -> None:
    raise Refusal(f"cargo-5d1f order {order} was refused")


def handler(event: dict[str, str], context: object) -> str:
    log.info("cargo-5d1f begins")
    log.warning("cargo-5d1f stock is low")
    kind = event["kind"]
    if kind == "handled":
        log.error("cargo-5d1f told to write an error")
    if kind == "caught":
        try:
            refuse(17)
        except Refusal:
            log.exception("cargo-5d1f caught")
    if kind == "error":
        raise ValueError("cargo-5d1f told to fail")
    if kind == "own type":
        refuse(17)
    if kind == "exit":
        sys.exit(3)
    if kind == "os exit":
        os._exit(3)
    print("cargo-5d1f ends")
    return kind
