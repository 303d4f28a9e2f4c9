"""What `./build.sh` does: `python -m tools COMMAND`, which `build.sh` starts on a Python it found.

Assumes a bare Python from 3.10 on, before any environment exists: imports the standard library alone, and of the
other folders `terminal`, which does so too.
"""
