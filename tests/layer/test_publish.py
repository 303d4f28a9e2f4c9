import hashlib
import json
import os
import re
import shlex
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest

from layer.publish import main
from layer.release.conditions import Commit
from layer.release.provenance import provenance_of
from tests.services.aws import ACCOUNT, moto
from tests.templates.validators import ask, aws_environ

EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
EMPTY_ZIP_SHA256 = hashlib.sha256(EMPTY_ZIP).hexdigest()
PYTHON_ARN = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:flight-recorder"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Give a folder with the three zip files; what is in them is of no account here."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in ("python", "x86_64", "arm64"):
        (folder / f"flight-recorder-{name}.zip").write_bytes(EMPTY_ZIP)
    return folder


@pytest.fixture
def without_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave no aws command on the path, and no region in the environment."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def commands(printed: str) -> list[list[str]]:
    return [shlex.split(line) for line in printed.splitlines() if line.startswith("aws ")]


def option(command: list[str], name: str) -> list[str]:
    """Give the values that follow an option."""
    rest = command[command.index(name) + 1 :]
    ends = [number for number, word in enumerate(rest) if word.startswith("--")]
    return rest[: ends[0]] if ends else rest


def test_publish_without_yes_prints_its_commands(
    dist: Path, without_aws: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """One command a region, for all Pythons and both architectures. A missing aws command is no failure yet."""
    status = main(["--region", "eu-west-1,us-east-1", "--dist", str(dist)])

    printed = capsys.readouterr().out
    assert status == 0
    first, second = commands(printed)
    assert option(first, "--region") == ["eu-west-1", "lambda", "publish-layer-version"]
    assert option(second, "--region")[0] == "us-east-1"
    assert option(first, "--compatible-architectures") == ["x86_64", "arm64"]
    assert option(first, "--compatible-runtimes") == [f"python3.{minor}" for minor in range(10, 15)]
    assert option(first, "--zip-file") == [f"fileb://{dist}/flight-recorder-python.zip"]
    assert "lambda:PublishLayerVersion\n" in printed
    assert "! the aws command is not on the path" in printed
    assert "nothing was published" in printed
    assert not list(dist.glob("layers.*"))


def test_publish_gives_each_standalone_layer_a_name(
    dist: Path, without_aws: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The versions of one name are one line, so each architecture has its own."""
    main(["--region", "eu-west-1", "--standalone", "--dist", str(dist)])

    found = commands(capsys.readouterr().out)
    assert [option(one, "--layer-name") for one in found] == [
        ["flight-recorder-x86_64"],
        ["flight-recorder-arm64"],
    ]
    assert [option(one, "--compatible-architectures") for one in found] == [["x86_64"], ["arm64"]]
    assert not any("--compatible-runtimes" in one for one in found)


@pytest.mark.parametrize(
    ("noted", "described"),
    [
        ({}, "Flight Recorder 1.2.3, python, commit abcdef0"),
        ({"changed": True}, "Flight Recorder 1.2.3, python, commit abcdef0 with changes"),
        ({"commit": ""}, "Flight Recorder 1.2.3, python"),
        ({"sha256": "of others"}, f"Flight Recorder, python, sha256 {EMPTY_ZIP_SHA256[:14]}"),
    ],
)
def test_layer_says_what_it_was_built_from(
    dist: Path,
    without_aws: None,
    capsys: pytest.CaptureFixture[str],
    noted: dict[str, object],
    described: str,
) -> None:
    """As the build has noted it; of bytes that nobody has noted, the hash."""
    note = {"version": "1.2.3", "commit": "abcdef0123", "changed": False}
    text = json.dumps({"sha256": EMPTY_ZIP_SHA256, **note, **noted})
    (dist / "flight-recorder-python.json").write_text(text)

    main(["--region", "eu-west-1", "--dist", str(dist)])

    (command,) = commands(capsys.readouterr().out)
    assert option(command, "--description") == [described]


def test_layers_of_a_release_are_published_from_its_folder(
    dist: Path, without_aws: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """They have the version in their names, and their commit in the provenance."""
    released = dist / "release-1.2.3"
    released.mkdir()
    archive = released / "flight-recorder-python-1.2.3.zip"
    shutil.copy(dist / "flight-recorder-python.zip", archive)
    statement = provenance_of(
        {archive.name: EMPTY_ZIP_SHA256},
        [],
        commit=Commit(
            version="1.2.3",
            commit="abcdef0123",
            moment=datetime(2026, 11, 30, tzinfo=timezone.utc),
            source="",
        ),
        command=["./build.sh", "release"],
        machine={},
        environ={},
    )
    (released / "flight-recorder-1.2.3.provenance.json").write_text(statement)

    status = main(["--region", "eu-west-1", "--dist", str(released)])

    (command,) = commands(capsys.readouterr().out)
    assert status == 0
    assert option(command, "--zip-file") == [f"fileb://{archive}"]
    assert option(command, "--description") == ["Flight Recorder 1.2.3, python, commit abcdef0"]


def test_publish_fails_without_a_zip_although_it_only_prints(
    tmp_path: Path, without_aws: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script must not go on as if there were something to publish."""
    status = main(["--region", "eu-west-1", "--dist", str(tmp_path)])

    assert status == 1
    assert "flight-recorder-python.zip is not there: ./build.sh layer\n" in capsys.readouterr().out


def test_publish_names_the_permission_to_share(
    dist: Path, without_aws: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A public layer takes one more command."""
    main(["--region", "eu-west-1", "--public", "--dist", str(dist)])

    printed = capsys.readouterr().out
    assert "lambda:PublishLayerVersion and lambda:AddLayerVersionPermission" in printed
    assert commands(printed)[1][3:5] == ["lambda", "add-layer-version-permission"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "in which regions"),
        (["--region", "Ireland"], "Ireland is not the name of a region"),
        (["--region", "eu-west-1", "--organization", "mine"], "not the id of an organization"),
        (["--region", "eu-west-1", "--yes"], "the aws command is not on the path"),
    ],
)
def test_publish_refuses_in_one_line(
    arguments: list[str],
    said: str,
    dist: Path,
    without_aws: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It begins with the command's name, and nothing is published."""
    status = main([*arguments, "--dist", str(dist)])

    complaint = capsys.readouterr().err
    assert status == 1
    assert complaint.startswith("publish: ")
    assert said in complaint


def test_publish_names_the_command_that_builds_a_missing_layer(
    tmp_path: Path, without_aws: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """For the standalone layers it has the architecture."""
    status = main(
        ["--region=eu-west-1", "--standalone", "--arch=arm64", f"--dist={tmp_path}", "--yes"]
    )

    assert status == 1
    assert "./build.sh layer --standalone --arch arm64" in capsys.readouterr().err


@pytest.mark.services
@pytest.mark.timeout(120)
def test_publish_with_yes_publishes_in_each_region(
    dist: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """AWS (moto) has the printed versions, and the table of ARNs has them all."""
    aws = moto()
    aws.reset()
    for name, value in aws_environ(aws).items():
        monkeypatch.setenv(name, value)

    status = main(["--region", "eu-west-1,us-east-1", "--public", "--dist", str(dist), "--yes"])

    assert status == 0
    printed = capsys.readouterr().out
    arns = {
        "eu-west-1": f"{PYTHON_ARN}:1",
        "us-east-1": f"{PYTHON_ARN}:1".replace("eu-west-1", "us-east-1"),
    }
    assert dict(re.findall(r"^(\S+) +x86_64 arm64 +(\S+)$", printed, re.MULTILINE)) == arns
    rows = [f"| {region} | x86_64, arm64 | `{arn}` |" for region, arn in arns.items()]
    assert "\n".join(rows) in printed
    assert "\n".join(rows) in (dist / "layers.md").read_text()
    told = json.loads((dist / "layers.json").read_text())
    assert {one["region"]: one["arn"] for one in told["layers"]} == arns
    assert {one["sha256"] for one in told["layers"]} == {EMPTY_ZIP_SHA256}
    listed = 'answer = client("lambda", region_name="us-east-1").list_layers()["Layers"]'
    (layer,) = ask(aws, listed)
    version = layer["LatestMatchingVersion"]
    assert version["CompatibleRuntimes"] == [f"python3.{minor}" for minor in range(10, 15)]
    assert version["CompatibleArchitectures"] == ["x86_64", "arm64"]
    assert version["Description"] == told["layers"][0]["description"]


@pytest.mark.services
@pytest.mark.timeout(120)
def test_publish_begins_nothing_without_credentials(
    dist: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The message of aws is passed on, with a way to get some."""
    settings = aws_environ(moto())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
        settings.pop(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", os.fspath(tmp_path))

    status = main(["--region", "eu-west-1", "--dist", str(dist), "--yes"])

    complaint = capsys.readouterr().err
    assert status == 1
    assert "aws has no credentials that work" in complaint
    assert "Unable to locate credentials" in complaint
