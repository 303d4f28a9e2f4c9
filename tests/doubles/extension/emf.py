"""Whether a document is in CloudWatch's embedded metric format: AWS's schema, and the rules that a schema cannot say."""

import json
import re
from typing import Any

UNITS = (
    *("Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes"),
    *("Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent", "Count"),
    *("Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second"),
    *("Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second"),
    *("Gigabits/Second", "Terabits/Second", "Count/Second", "None"),
)

NAME = {"type": "string", "minLength": 1, "maxLength": 255}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": NAME,
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"type": "array", "maxItems": 30, "items": NAME},
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "properties": {
                                        "Name": NAME,
                                        "Unit": {
                                            "type": "string",
                                            "pattern": f"^({'|'.join(UNITS)})$",
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""As in "Specification: Embedded metric format" of the CloudWatch user guide."""

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
}


def conform(value: Any, schema: dict[str, Any], where: str = "$") -> None:
    """Check a value against the keywords that the schema above has."""
    assert isinstance(value, TYPES[schema["type"]]), where
    assert not isinstance(value, bool), where
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            assert name in value, f"{where}.{name}"
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                conform(value[name], inner, f"{where}.{name}")
    elif isinstance(value, list):
        assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1000), where
        for number, one in enumerate(value):
            conform(one, schema["items"], f"{where}[{number}]")
    elif isinstance(value, str):
        assert schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1000), where
        assert re.search(schema.get("pattern", ""), value), where


def parse(text: str) -> dict[str, Any]:
    """Parse one line, which must be a valid document and nothing else."""
    document: dict[str, Any] = json.loads(text)
    assert text.startswith("{")
    assert text.rstrip("\n").endswith("}")
    conform(document, SCHEMA)
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for dimension in (name for names in directive["Dimensions"] for name in names):
            assert isinstance(document[dimension], str)
            assert 1 <= len(document[dimension]) <= 1024
        for metric in directive["Metrics"]:
            target = document[metric["Name"]]
            values = target if isinstance(target, list) else [target]
            assert 1 <= len(values) <= 100
            for value in values:
                conform(value, {"type": "number"}, metric["Name"])
    return document


def is_emf(text: str) -> bool:
    """Tells the extension's own metrics from whatever else is written."""
    return text.startswith('{"_aws":') and '"Namespace":"FlightRecorder"' in text


def summed(documents: list[dict[str, Any]], name: str) -> float:
    """Sum one metric over lines, with each of its values."""
    targets = [document.get(name, 0) for document in documents]
    return sum(sum(one) if isinstance(one, list) else one for one in targets)
