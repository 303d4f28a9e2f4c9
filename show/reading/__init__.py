"""Read entries from what sinks wrote, and join them to invocations. Pure."""
