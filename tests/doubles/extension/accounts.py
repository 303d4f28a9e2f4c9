"""Sums over an account, for tests that check that it adds up."""

from extension.diagnostics.account import Account


def settled(account: Account) -> int:
    """Return how many lines are kept, handed to standard output, dropped, evicted or lost: all but those still buffered."""
    counted = (account.kept, account.dropped, account.lost)
    return account.evicted + account.handed_to_stdout + sum(sum(one.values()) for one in counted)
