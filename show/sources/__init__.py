"""Fetch what was kept: from CloudWatch Logs and S3 through the aws command, and from files."""
