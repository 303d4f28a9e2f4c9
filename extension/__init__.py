"""Flight Recorder: an AWS Lambda extension that keeps what a failed invocation logged.

The package promises one thing to whoever imports it: importing ``extension`` loads nothing else. What is
loaded before the first ``/event/next`` is decided in :mod:`extension.boot`, and a test holds the list.
"""

PREFIX = "FLIGHT_RECORDER_"

__version__ = "0.1.0"

EXTENSION_NAME = "flight-recorder"
"""The name to register under. Lambda wants the file name in ``/opt/extensions`` (AWS: Extensions API)."""
