"""Run Lambda's phases: init, invoke, shutdown."""
