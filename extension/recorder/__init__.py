"""Hold invocations in memory until their outcome is known."""
