"""Parse Lambda's batches into events."""
