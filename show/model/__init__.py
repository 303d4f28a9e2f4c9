"""Define what was kept: single entries, and the invocations that they make up. Pure values."""
