"""Write where a release comes from: an in-toto statement with SLSA's provenance predicate, version 1, in JSON.

Nobody has signed it. The workflow of a release has GitHub sign a statement of its own about the same files. Sources: in-toto Attestation Framework, "Statement"; SLSA v1.0, "Provenance".
"""

import json
from collections.abc import Mapping, Sequence

from layer.release.components import Source
from layer.release.conditions import Commit

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"

BUILD_TYPE = "urn:flight-recorder:build-sh-release:1"
"""The way of building, which docs/release.md describes."""

LOCAL_BUILDER = "urn:flight-recorder:builder:local"
"""Somebody's machine, of which nobody else can know more."""


def provenance_of(
    subjects: Mapping[str, str],
    dependencies: Sequence[Mapping[str, object]],
    *,
    commit: Commit,
    command: Sequence[str],
    machine: Mapping[str, object],
    environ: Mapping[str, str],
) -> str:
    """Return the statement.

    Args:
        subjects: The SHA-256 of each file, by name.
        dependencies: What was fetched and read, as `dependency` writes it.
        commit: What was built.
        command: The command that builds it again.
        machine: Whatever else the bytes depend on, such as the versions of the Pythons.
        environ: The variables that tell of a workflow of GitHub's.
    """
    source: dict[str, object] = {"name": "source", "digest": {"gitCommit": commit.commit}}
    if commit.source:
        source["uri"] = f"git+{commit.source}"
    statement = {
        "_type": STATEMENT,
        "subject": [
            {"name": name, "digest": {"sha256": digest}}
            for name, digest in sorted(subjects.items())
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "command": list(command),
                    "commit": commit.commit,
                    "version": commit.version,
                },
                "internalParameters": dict(machine),
                "resolvedDependencies": [source, *dependencies],
            },
            "runDetails": {"builder": {"id": _builder(environ)}},
        },
    }
    return json.dumps(statement, indent=2) + "\n"


def dependency(source: Source, uri: str = "") -> dict[str, object]:
    """Return how a file that was fetched or read is named in a statement."""
    named: dict[str, object] = {"name": source.file, "digest": {"sha256": source.sha256}}
    return {"uri": uri, **named} if uri else named


def _builder(environ: Mapping[str, str]) -> str:
    server, workflow = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_WORKFLOW_REF")
    return f"{server}/{workflow}" if server and workflow else LOCAL_BUILDER
