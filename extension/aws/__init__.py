"""AWS over HTTP: signed requests, where credentials and endpoints come from, and what the answers mean.

Everything here runs on a delivery thread, after the first ``/event/next``; nothing beyond the standard library and httpx
is loaded for it.
"""
