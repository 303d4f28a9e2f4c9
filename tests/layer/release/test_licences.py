from datetime import datetime, timezone

from layer.release.components import Component, Source
from layer.release.conditions import Commit
from layer.release.licences import licences_of

COMMIT = Commit(
    version="1.2.3", commit="ab", moment=datetime(2026, 11, 30, tzinfo=timezone.utc), source=""
)


def component(name: str, version: str = "1") -> Component:
    return Component(
        name=name,
        version=version,
        licence="MIT",
        purl=f"pkg:pypi/{name}@{version}",
        source=Source(file=f"{name}.whl", sha256="00"),
        texts={"LICENSE": f"licence of {name} {version}"},
    )


def test_component_of_several_layers_is_listed_once() -> None:
    """With the layers that have it, where others have not; another version is another row."""
    layers = {
        "a.zip": [component("httpx"), component("Zed", "1")],
        "b.zip": [component("httpx"), component("Zed", "2")],
    }

    text = licences_of(layers, own="our licence", commit=COMMIT)

    table = text.partition("====")[0].splitlines()[2:-1]
    assert [line.split() for line in table] == [
        ["flight-recorder", "1.2.3", "Apache-2.0", "all"],
        ["httpx", "1", "MIT", "all"],
        ["Zed", "1", "MIT", "a.zip"],
        ["Zed", "2", "MIT", "b.zip"],
    ]
    assert [text.count(f"licence of {one}") for one in ("httpx 1", "Zed 1", "Zed 2")] == [1, 1, 1]
    assert "our licence" in text
