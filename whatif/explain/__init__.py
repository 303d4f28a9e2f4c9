"""Explain the settings in force, and the verdict on a transaction."""
