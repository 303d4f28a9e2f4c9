"""Show what was kept: the failures of a time, and one invocation whole, from CloudWatch Logs, S3 or files.

Nothing here is part of the layer. AWS is asked through the aws command, and nothing is written but the page asked for.
"""
