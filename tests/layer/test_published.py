import json
from pathlib import Path

from layer.published import Published, keep


def row(region: str, arn: str = "arn:1", layer: str = "flight-recorder") -> Published:
    return Published(
        region=region,
        layer=layer,
        arn=arn,
        architectures=("x86_64", "arm64"),
        sha256="00",
        description="Flight Recorder 1.0.0, python",
    )


def arns(folder: Path) -> list[str]:
    return [one["arn"] for one in json.loads((folder / "layers.json").read_text())["layers"]]


def test_later_call_adds_to_the_table(tmp_path: Path) -> None:
    """Regions stand in order; a layer that is published again has its newest ARN."""
    keep(tmp_path, "1.0.0", [row("us-east-1"), row("eu-west-1")])
    keep(tmp_path, "1.0.0", [row("eu-west-1", "arn:x", "other"), row("us-east-1", "arn:2")])

    assert arns(tmp_path) == ["arn:1", "arn:x", "arn:2"]
    assert (tmp_path / "layers.md").read_text().startswith("# Flight Recorder 1.0.0\n\n| region |")


def test_another_version_begins_a_table_of_its_own(tmp_path: Path) -> None:
    """Nobody takes an old ARN for the new version's; so does a file that is none of ours."""
    (tmp_path / "layers.json").write_text("[]")
    keep(tmp_path, "1.0.0", [row("eu-west-1")])

    table = keep(tmp_path, "1.1.0", [row("us-east-1", "arn:new")])

    assert arns(tmp_path) == ["arn:new"]
    assert table.splitlines()[2:] == ["| us-east-1 | x86_64, arm64 | `arn:new` |"]
