"""Build the layer that runs on the function's own Python."""
