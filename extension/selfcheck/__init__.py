"""Check settings, references and sinks for ``--check``."""
