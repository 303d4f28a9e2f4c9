"""Send records to an OpenTelemetry collector."""
