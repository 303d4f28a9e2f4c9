"""What a run makes, invokes and expects. Pure."""
