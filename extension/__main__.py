"""Start the extension with ``python -m extension``."""

import sys

from extension.boot import main

main(sys.argv[1:])
