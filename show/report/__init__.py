"""Set failures and invocations for a terminal, and as a page. Pure."""
