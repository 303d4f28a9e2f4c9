"""Find what stands against a layer at a function, before anything is changed. Pure.

Sources: AWS Lambda Developer Guide, "Lambda quotas" (five layers, 250 MB unzipped, 4 KB of variables), "Adding layers to
functions" (same region, no container images) and "Working with Lambda environment variables".
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attach.plan.model import Function, LayerVersion

MAX_LAYERS = 5
"""AWS: Lambda quotas, function layers."""

MAX_UNZIPPED_BYTES = 250 * 1024 * 1024
"""AWS: Lambda quotas, deployment package size, with all layers."""

MAX_VARIABLES_BYTES = 4096
"""AWS: Lambda quotas, environment variables. Lambda measures them as JSON, and its error shows that text."""

MANY_ZIPPED_BYTES = 50 * 1024 * 1024
"""From here on the unzipped size may be over 250 MB: code shrinks to a fifth at the best, as a rule to a third."""


def variables_bytes(variables: Mapping[str, str]) -> int:
    """Return the size of variables, as Lambda measures it."""
    return len(json.dumps(dict(variables), ensure_ascii=False, separators=(",", ":")).encode())


def obstacles(
    function: Function,
    layer: LayerVersion,
    description: Mapping[str, Any],
    *,
    layers: Sequence[str],
    variables: Mapping[str, str],
) -> list[str]:
    """Return what Lambda or the layer would refuse.

    Args:
        function: The function as it is.
        layer: The version to attach.
        description: The answer of GetLayerVersion for it.
        layers: All that the function shall have.
        variables: All that the function shall have.
    """
    if function.package == "Image":
        return [
            "a container image takes no layers: copy the unpacked layer to /opt in its Dockerfile (docs/attach/README.md)"
        ]
    found = []
    if function.unreadable:
        # An update replaces all variables, and these cannot be seen.
        found.append(
            f"Lambda does not show the function's variables ({function.unreadable}): kms:Decrypt on their key is missing"
        )
    if layer.region != function.region:
        found.append(
            f"the layer is in {layer.region} and the function in {function.region}: publish the layer there"
        )
    found += _mismatches(function, description)
    if len(layers) > MAX_LAYERS:
        others = ", ".join(arn.split(":layer:")[-1] for arn in layers if arn != layer.arn)
        found.append(f"a function takes {MAX_LAYERS} layers, and this one has {others} already")
    size_bytes = variables_bytes(variables)
    if size_bytes > MAX_VARIABLES_BYTES:
        found.append(
            f"all variables would come to {size_bytes} bytes, and Lambda takes {MAX_VARIABLES_BYTES}"
        )
    zipped = zipped_bytes(function, layer, description, layers=layers)
    if zipped > MAX_UNZIPPED_BYTES:
        found.append(
            f"code and layers come to {_mb(zipped)} zipped, and Lambda takes {_mb(MAX_UNZIPPED_BYTES)} unzipped"
        )
    return found


def zipped_bytes(
    function: Function,
    layer: LayerVersion,
    description: Mapping[str, Any],
    *,
    layers: Sequence[str],
) -> int:
    """Return what Lambda tells of the size of code and layers: it tells zipped sizes only."""
    new_bytes = int((description.get("Content") or {}).get("CodeSize") or 0)
    kept_bytes = sum(function.layer_bytes.get(arn, 0) for arn in layers if arn != layer.arn)
    return function.code_bytes + kept_bytes + new_bytes


def size_note(zipped: int) -> str:
    """Say what is not known of a size; empty if it is plainly small."""
    if not MANY_ZIPPED_BYTES < zipped <= MAX_UNZIPPED_BYTES:
        return ""
    return (
        f"code and layers come to {_mb(zipped)} zipped. Lambda tells no unzipped sizes. If they are over"
        f" {_mb(MAX_UNZIPPED_BYTES)}, it refuses the layer, and the function stays as it is"
    )


def _mismatches(function: Function, description: Mapping[str, Any]) -> list[str]:
    found = []
    runtimes = description.get("CompatibleRuntimes") or ()
    if runtimes and function.runtime not in runtimes:
        found.append(
            f"the layer is for {', '.join(runtimes)}, and the function's runtime is {function.runtime or 'its own'}:"
            " attach the standalone layer of its architecture"
        )
    architectures = description.get("CompatibleArchitectures") or ()
    if architectures and not set(function.architectures) <= set(architectures):
        found.append(
            f"the layer is for {', '.join(architectures)}, and the function runs on {', '.join(function.architectures)}"
        )
    return found


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1024 / 1024:.0f} MB"
