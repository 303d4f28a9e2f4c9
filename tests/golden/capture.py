"""Write what is expected anew, from a given tree: ``python -m tests.golden.capture [--root PATH] [NAME...]``."""

import argparse
from pathlib import Path

from tests.golden.run import OWN_ROOT, run
from tests.golden.scenarios import SCENARIOS
from tests.golden.transcript import transcript

EXPECTED = Path(__file__).parent / "expected"


def main() -> None:
    """Capture the scenarios named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.capture", description=__doc__)
    parser.add_argument("--root", type=Path, default=OWN_ROOT, help="a tree that has extension/")
    parser.add_argument("names", nargs="*", help="of scenarios; all of them unless any is named")
    arguments = parser.parse_args()
    EXPECTED.mkdir(exist_ok=True)
    for name in arguments.names or SCENARIOS:
        text = transcript(run(SCENARIOS[name], arguments.root.resolve()))
        (EXPECTED / f"{name}.txt").write_bytes(text.encode())
        print(f"{name}: {len(text.encode())} bytes")
    if not arguments.names:
        for path in EXPECTED.glob("*.txt"):
            if path.stem not in SCENARIOS:
                path.unlink()


if __name__ == "__main__":
    main()
