"""Demonstrate the built layer on real functions: which invocations it keeps, and why.

``python -m emulator.demo --layer dist/flight-recorder-python.zip`` runs it; it checks itself line by line.
"""
