"""Serve the APIs that Lambda offers inside an environment."""
