"""Read what an error line tells: its type, its message, and where it happened."""
