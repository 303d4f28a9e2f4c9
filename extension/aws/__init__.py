"""Send signed requests to AWS services, on delivery threads, after the first ``/event/next``."""
