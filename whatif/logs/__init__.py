"""Read exported logs in every form that people have."""
