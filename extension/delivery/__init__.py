"""Carry chunks from queues to sinks."""
