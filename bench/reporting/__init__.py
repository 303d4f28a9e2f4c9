"""Turn measurements into figures, tables and charts."""
