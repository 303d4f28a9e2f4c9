"""Decide which invocations and lines are kept."""
