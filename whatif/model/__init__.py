"""Define prices, events and words."""
