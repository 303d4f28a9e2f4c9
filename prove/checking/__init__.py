"""Compare what was written with what was kept, and tell it. Pure."""
