"""What is to be changed at a function, and what stands against it. Pure."""
