"""Mask secrets (REDACT) and leave lines out (EXCLUDE)."""
