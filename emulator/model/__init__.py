"""Define the values of the local Lambda."""
