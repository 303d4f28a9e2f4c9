"""Publish the layer: `python -m layer.publish`, usually called by `./build.sh publish`.

Promises: without `--yes` it publishes nothing and calls no AWS API. It prints the commands and the permissions they need.
With `--yes` it asks AWS for the owner of the credentials, runs the printed commands region by region, and writes a table of
the ARNs. An error ends the run; the table has the layers that were published by then. Each layer's description tells what it
was built from.

Assumes of AWS: a layer version is immutable and of one region ("Creating and deleting layers in Lambda" in the AWS Lambda
Developer Guide); PublishLayerVersion takes at most 2 architectures and 15 runtimes, which only filter and inform (AWS
Lambda API reference); a zip file of up to 50 MB may be sent directly ("Lambda quotas").
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from layer.function_python.dependencies import RUNTIMES
from layer.origin import SHORT, read_note, read_version, sha256
from layer.published import JSON_NAME, MARKDOWN_NAME, Published, keep
from terminal.waiting import still

ROOT = Path(__file__).resolve().parent.parent

ARCHITECTURES = ("x86_64", "arm64")

MAX_UPLOAD_BYTES = 50 * 1024 * 1024
"""The largest zip file in a request. Our layers are a fifth of that at most."""

COMMAND_TIMEOUT_S = 300.0
"""An upload of a few MB over a slow line; aws has shorter time-outs of its own for each request."""

REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")

WITHOUT_AWS = 'the aws command is not on the path: see "Installing the AWS CLI" in its user guide'


class PublishError(Exception):
    """The layer cannot be published; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A zip file, and the name of its layer.

    Attributes:
        archive: The zip file.
        name: The layer's name.
        build: The command that makes the file.
        architectures: The architectures it runs on.
        kind: What it is for, in its description.
        runtimes: The runtimes it is listed for; empty for a layer that serves all.
    """

    archive: Path
    name: str
    build: str
    architectures: tuple[str, ...]
    kind: str
    runtimes: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """The version and the commit that the zip was built from; its hash, where nothing tells of these bytes."""
        if not self.archive.is_file():
            return f"Flight Recorder, {self.kind}"
        origin = read_note(self.archive)
        if origin is None:
            return f"Flight Recorder, {self.kind}, sha256 {sha256(self.archive)[: 2 * SHORT]}"
        return origin.describe(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The others who may use the layer, beside the account.

    Attributes:
        public: Everybody.
        organization: The accounts of this organization.
    """

    public: bool = False
    organization: str = ""

    @property
    def arguments(self) -> list[str]:
        """The arguments for `aws lambda add-layer-version-permission`; empty for the account alone."""
        if self.public:
            return ["--statement-id", "public", "--principal", "*"]
        if self.organization:
            return [
                "--statement-id",
                "organization",
                "--principal",
                "*",
                "--organization-id",
                self.organization,
            ]
        return []


def layers(dist: Path, *, name: str, standalone: bool, architectures: Sequence[str]) -> list[Layer]:
    """Return the layers to publish: one for all Pythons, or a standalone one for each architecture."""
    if not standalone:
        runtimes = tuple(f"python{version}" for version in RUNTIMES)
        return [
            Layer(
                archive=_archive(dist, "python"),
                name=name,
                build="./build.sh layer",
                architectures=tuple(architectures),
                kind="python",
                runtimes=runtimes,
            )
        ]
    return [
        Layer(
            archive=_archive(dist, architecture),
            # A layer's name may hold no dot, and its versions are one line: each architecture needs its own.
            name=f"{name}-{architecture}",
            build=f"./build.sh layer --standalone --arch {architecture}",
            architectures=(architecture,),
            kind=f"standalone {architecture}",
        )
        for architecture in architectures
    ]


def _archive(dist: Path, kind: str) -> Path:
    """Return the zip of a build; in the folder of a release it has the version in its name."""
    archive = dist / f"flight-recorder-{kind}.zip"
    released = sorted(dist.glob(f"flight-recorder-{kind}-*.zip"))
    return released[0] if len(released) == 1 and not archive.exists() else archive


def publish_command(layer: Layer, region: str, *, archive: str, profile: str) -> list[str]:
    """Return the command that publishes a layer in a region."""
    return [
        *_aws(region, profile),
        "publish-layer-version",
        "--layer-name",
        layer.name,
        "--description",
        layer.description,
        "--license-info",
        "Apache-2.0",
        "--compatible-architectures",
        *layer.architectures,
        *(["--compatible-runtimes", *layer.runtimes] if layer.runtimes else []),
        "--zip-file",
        f"fileb://{archive}",
        "--output",
        "json",
    ]


def share_command(
    layer: Layer, region: str, *, version: str, audience: Audience, profile: str
) -> list[str]:
    """Return the command that lets others use a version."""
    return [
        *_aws(region, profile),
        "add-layer-version-permission",
        "--layer-name",
        layer.name,
        "--version-number",
        version,
        "--action",
        "lambda:GetLayerVersion",
        *audience.arguments,
    ]


def main(arguments: list[str] | None = None) -> int:
    """Publish, or print the commands; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options, os.environ)
    except PublishError as error:
        print(f"publish: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    regions = _regions(options.regions, environ)
    audience = Audience(public=options.public, organization=options.organization)
    if audience.organization and not ORGANIZATION.fullmatch(audience.organization):
        raise PublishError(
            f"{audience.organization} is not the id of an organization, such as o-a1b2c3d4e5"
        )
    chosen = layers(
        options.dist,
        name=options.name,
        standalone=options.standalone,
        architectures=options.arch or ARCHITECTURES,
    )
    unbuilt = _unbuilt(chosen)
    without_aws = shutil.which("aws", path=environ.get("PATH")) is None
    obstacles = [*unbuilt, *([WITHOUT_AWS] if without_aws else [])]
    if not options.yes:
        _explain(chosen, regions, audience, options.profile)
        print("".join(f"! {obstacle}\n" for obstacle in obstacles))
        print("nothing was published" if unbuilt else "nothing was published; --yes does it")
        # The aws command may be on another machine; without the zips the commands are none.
        return 1 if unbuilt else 0
    if obstacles:
        raise PublishError("; ".join(obstacles))
    _check_credentials(regions[0], options.profile)
    _publish_all(chosen, regions, audience, options)
    return 0


def _publish_all(
    chosen: Sequence[Layer],
    regions: Sequence[str],
    audience: Audience,
    options: argparse.Namespace,
) -> None:
    published: list[Published] = []
    try:
        for region in regions:
            for layer in chosen:
                published.append(_publish(layer, region, audience, options.profile))  # noqa: PERF401 - the message of a later error lists them
    except PublishError as error:
        done = "".join(f"\n  {one.arn}" for one in published) or " nothing"
        raise PublishError(f"{error}\npublished by then:{done}") from None
    finally:
        if published:
            print(f"\n{keep(options.dist, _version(chosen), published)}")
            folder = _short(options.dist)
            print(f"{folder}/{JSON_NAME} and {folder}/{MARKDOWN_NAME} have it")


def _version(chosen: Sequence[Layer]) -> str:
    """Return the version of what was published, this checkout's if nothing tells."""
    origin = read_note(chosen[0].archive)
    return read_version(ROOT / "extension") if origin is None else origin.version


def _unbuilt(chosen: Sequence[Layer]) -> list[str]:
    obstacles = []
    for layer in chosen:
        if not layer.archive.is_file():
            obstacles.append(f"{_short(layer.archive)} is not there: {layer.build}")
        elif layer.archive.stat().st_size > MAX_UPLOAD_BYTES:
            obstacles.append(
                f"{_short(layer.archive)} is over {MAX_UPLOAD_BYTES} bytes, the most Lambda takes in a request"
            )
    return obstacles


def _explain(
    chosen: Sequence[Layer], regions: Sequence[str], audience: Audience, profile: str
) -> None:
    permissions = ["lambda:PublishLayerVersion"]
    if audience.arguments:
        permissions.append("lambda:AddLayerVersionPermission")
    print(f"needs: the aws command, credentials, and of these {' and '.join(permissions)}\n")
    for region in regions:
        for layer in chosen:
            archive = _short(layer.archive)
            print(shlex.join(publish_command(layer, region, archive=archive, profile=profile)))
            if audience.arguments:
                command = share_command(
                    layer, region, version="VERSION", audience=audience, profile=profile
                )
                print(shlex.join(command))


def _publish(layer: Layer, region: str, audience: Audience, profile: str) -> Published:
    answer = _answer(publish_command(layer, region, archive=str(layer.archive), profile=profile))
    try:
        said = json.loads(answer)
        arn, version = str(said["LayerVersionArn"]), str(said["Version"])
    except (ValueError, KeyError, TypeError):
        raise PublishError(f"{region}: aws did not answer with a version: {answer[:200]}") from None
    architectures = " ".join(layer.architectures)
    print(f"{region:<16} {architectures:<13} {arn}", flush=True)
    if audience.arguments:
        try:
            _answer(
                share_command(layer, region, version=version, audience=audience, profile=profile)
            )
        except PublishError as error:
            raise PublishError(f"{error}\n{arn} is published, but not shared") from None
    return Published(
        region=region,
        layer=layer.name,
        arn=arn,
        architectures=layer.architectures,
        sha256=sha256(layer.archive),
        description=layer.description,
    )


def _check_credentials(region: str, profile: str) -> None:
    try:
        _answer([*_aws(region, profile, service="sts"), "get-caller-identity"])
    except PublishError as error:
        raise PublishError(
            f"aws has no credentials that work (`aws configure`, `aws sso login`, AWS_PROFILE), or no network:\n{error}"
        ) from None


def _aws(region: str, profile: str, *, service: str = "lambda") -> list[str]:
    return ["aws", *(["--profile", profile] if profile else []), "--region", region, service]


@still("waiting for AWS")
def _answer(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise PublishError(
            f"no answer within {COMMAND_TIMEOUT_S:.0f} s: {shlex.join(command)}"
        ) from None
    if done.returncode:
        raise PublishError(f"{done.stderr.strip() or 'aws failed'}\nof: {shlex.join(command)}")
    return done.stdout


def _regions(given: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    ambient = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    regions = [region for one in given for region in one.split(",") if region]
    regions = list(dict.fromkeys(regions or ([ambient] if ambient else [])))
    if not regions:
        raise PublishError("in which regions? --region eu-west-1,us-east-1, or AWS_REGION")
    for region in regions:
        if not REGION.fullmatch(region):
            raise PublishError(f"{region} is not the name of a region")
    return regions


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./build.sh publish",
        description="Publish the built layer. Without --yes: print the commands, and publish nothing.",
    )
    parser.add_argument(
        "--region",
        dest="regions",
        action="append",
        default=[],
        help="one or several, separated by commas (default: AWS_REGION)",
    )
    parser.add_argument(
        "--arch",
        action="append",
        choices=ARCHITECTURES,
        help="one architecture only (repeatable; default: both)",
    )
    parser.add_argument(
        "--standalone",
        action="store_true",
        help="the layers that bring their own Python, one for each architecture, for every runtime",
    )
    parser.add_argument("--name", default="flight-recorder", help="the layer's name")
    parser.add_argument("--profile", default="", help="a profile of the aws command")
    shared = parser.add_mutually_exclusive_group()
    shared.add_argument("--public", action="store_true", help="let every account use it")
    shared.add_argument(
        "--organization", default="", help="let the accounts of an organization use it (o-...)"
    )
    parser.add_argument(
        "--dist",
        type=Path,
        default=ROOT / "dist",
        metavar="FOLDER",
        help="take the zips from this folder, which may be a release's, and write the table of ARNs there (default: dist)",
    )
    parser.add_argument("--yes", action="store_true", help="publish")
    return parser


if __name__ == "__main__":
    sys.exit(main())
