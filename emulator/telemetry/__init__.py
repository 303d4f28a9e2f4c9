"""Deliver logs and platform events to extensions."""
