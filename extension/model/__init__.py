"""Define the data that travels between the stages."""
