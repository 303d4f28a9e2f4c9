"""Send signed requests to AWS services.

This room runs on delivery threads, after the first ``/event/next``. It needs only the standard library and httpx.
"""
