"""Build the layers that bring their own Python."""
