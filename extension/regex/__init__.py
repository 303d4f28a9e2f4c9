"""Match regular expressions in linear time."""
