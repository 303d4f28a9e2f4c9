"""Run processes as an execution environment does."""
