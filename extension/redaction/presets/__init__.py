"""Find the secrets that turn up in logs: the presets of REDACT."""
