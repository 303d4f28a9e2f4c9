"""Sums over an account, for tests that check that it adds up."""

from extension.diagnostics.account import Account


def settled(account: Account) -> int:
    """Return how many lines are kept, dropped, evicted or lost: all but those still buffered."""
    counted = (account.kept, account.dropped, account.lost)
    return account.evicted + sum(sum(one.values()) for one in counted)
