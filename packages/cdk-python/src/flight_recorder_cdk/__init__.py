"""Attach Flight Recorder to the functions of an AWS CDK application."""

from flight_recorder_cdk.aspect import FlightRecorderAspect
from flight_recorder_cdk.recorder import FlightRecorder

__all__ = ["FlightRecorder", "FlightRecorderAspect"]
__version__ = "0.1.0"
