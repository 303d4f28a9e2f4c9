"""Levels: read the severity of a line from its JSON keys, or from the prefix that a logger or a runtime writes."""
