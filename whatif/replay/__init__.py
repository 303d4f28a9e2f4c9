"""Replay logs through the recorder, under a grid of settings."""
