"""Prove in a real AWS account that every line of a failed invocation is kept: `./build.sh prove`."""
