"""The demonstration: real functions under the built layer, what was kept of each invocation, and why.

``python -m emulator.demo --layer dist/flight-recorder-python.zip`` runs it; it checks itself line by line.
"""
