"""Wire the parts together and run the main loop."""
