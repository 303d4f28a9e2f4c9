"""Search with regular expressions in linear time; know nothing of Flight Recorder."""
