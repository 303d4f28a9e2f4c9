"""Measure one part each."""
