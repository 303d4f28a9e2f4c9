"""Take the orders of a small shop; ``mishap`` in the event names a failure to act out."""
# ruff: noqa: INP001
# What becomes /var/task is no package.

import json
import logging
import sys
import time
from typing import Any

log = logging.getLogger()
log.setLevel(logging.INFO)

ARTICLES = ("teapot, blue, 1.2 l", "strainer, steel", "Darjeeling first flush, 250 g")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take one order, and log what one would want to read if it failed."""
    order = event["order"]
    log.info("order %d: %d articles, customer c-%d", order, len(ARTICLES), order * 7)
    for number, article in enumerate(ARTICLES, 1):
        log.info("order %d: article %d is '%s', in stock", order, number, article)
        log.info(
            "order %d: article %d reserved in warehouse 2, shelf %d", order, number, 40 + number
        )
    log.info(
        "order %d: total 59.90 EUR, asking the bank: %s", order, json.dumps(request_to_bank(order))
    )
    go_wrong(event["mishap"], order)
    log.info("order %d: paid, reference b-%d", order, order * 13)
    log.info("order %d: confirmation queued", order)
    return {"order": order, "status": "accepted"}


def request_to_bank(order: int) -> dict[str, Any]:
    """Return the request to the bank."""
    return {
        "merchant": "teashop-4711",
        "amount": {"value": "59.90", "currency": "EUR"},
        "method": {"kind": "card", "token": f"tok_{order * 7919:016x}"},
        "idempotencyKey": f"order-{order}-1",
        "callback": f"https://shop.example.com/orders/{order}/payment",
    }


def go_wrong(mishap: str, order: int) -> None:
    """Act out the mishap that the event names, if it names one."""
    if mishap == "slow":
        time.sleep(1)
    elif mishap == "asked":
        log.info("order %d: a customer's first, keep-this-one", order)
    elif mishap == "error-line":
        log.error("order %d: loyalty points not booked, going on without", order)
    elif mishap == "exception":
        raise LookupError(f"no price list for order {order}")
    elif mishap == "exit":
        sys.exit(3)
    elif mishap == "hang":
        log.warning("order %d: the bank does not answer, waiting", order)
        time.sleep(60)
    elif mishap == "memory":
        hoard = []
        while True:
            hoard.append(bytearray(8_000_000))
