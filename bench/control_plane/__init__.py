"""Play Lambda and a sink for the subject of a measurement."""
