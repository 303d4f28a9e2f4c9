"""Lay the pages out and let Sphinx make HTML of them; a warning is an error."""

import argparse
import subprocess
import sys
from pathlib import Path

from docs_site.layout import ROOT, LayoutError, lay_out

BUILD_TIMEOUT_S = 300
"""It takes ten seconds."""


def main(words: list[str] | None = None) -> int:
    """Build the site; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="./build.sh docs", description="Build the documentation site."
    )
    parser.add_argument(
        "--sphinx",
        type=Path,
        required=True,
        metavar="PYTHON",
        help=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "dist" / "docs",
        metavar="FOLDER",
        help="write the site there (default: dist/docs)",
    )
    parser.add_argument(
        "--pages", type=Path, default=ROOT / ".cache" / "docs" / "pages", help=argparse.SUPPRESS
    )
    options = parser.parse_args(words)
    try:
        lay_out(options.pages)
    except LayoutError as error:
        sys.stderr.write(f"docs: {error}\n")
        return 1
    command = [str(options.sphinx), "-m", "sphinx", "-b", "html", "--fail-on-warning", "--quiet"]
    # Without the last build's pickles: what is left of a page that is gone would be on the site.
    command += ["--fresh-env", "-c", str(Path(__file__).parent)]
    command += ["-d", str(options.pages.with_name("doctrees"))]
    command += [str(options.pages), str(options.output)]
    done = subprocess.run(command, check=False, cwd=ROOT, timeout=BUILD_TIMEOUT_S)
    if done.returncode == 0:
        print(f"  wrote {options.output}/index.html")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
