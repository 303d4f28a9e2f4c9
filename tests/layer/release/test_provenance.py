import json
from datetime import datetime, timezone
from typing import Any

from layer.release.components import Source
from layer.release.conditions import Commit
from layer.release.provenance import LOCAL_BUILDER, dependency, provenance_of

MOMENT = datetime(2026, 11, 30, tzinfo=timezone.utc)


def statement(source: str = "", **environ: str) -> dict[str, Any]:
    text = provenance_of(
        {"b.zip": "bb", "a.zip": "aa"},
        [
            dependency(Source(file="x.whl", sha256="cc"), "pkg:pypi/x@1"),
            dependency(Source(file="y", sha256="dd")),
        ],
        commit=Commit(version="1.2.3", commit="ab", moment=MOMENT, source=source),
        command=["./build.sh", "release"],
        machine={"zlib": "1.3"},
        environ=environ,
    )
    told: dict[str, Any] = json.loads(text)
    return told


def test_local_build_says_that_it_is_one() -> None:
    """And names no repository that nobody could reach."""
    told = statement()

    assert told["predicate"]["runDetails"]["builder"]["id"] == LOCAL_BUILDER
    assert told["predicate"]["buildDefinition"]["resolvedDependencies"] == [
        {"name": "source", "digest": {"gitCommit": "ab"}},
        {"uri": "pkg:pypi/x@1", "name": "x.whl", "digest": {"sha256": "cc"}},
        {"name": "y", "digest": {"sha256": "dd"}},
    ]
    assert [one["name"] for one in told["subject"]] == ["a.zip", "b.zip"]


def test_build_of_a_workflow_names_the_workflow() -> None:
    """At its very reference, as GitHub tells."""
    told = statement(
        "https://git.example/a/b",
        GITHUB_SERVER_URL="https://git.example",
        GITHUB_WORKFLOW_REF="a/b/.github/workflows/release.yml@refs/tags/v1",
    )

    assert told["predicate"]["runDetails"]["builder"]["id"] == (
        "https://git.example/a/b/.github/workflows/release.yml@refs/tags/v1"
    )
    source = told["predicate"]["buildDefinition"]["resolvedDependencies"][0]
    assert source["uri"] == "git+https://git.example/a/b"
