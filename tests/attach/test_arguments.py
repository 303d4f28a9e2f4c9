from __future__ import annotations

import re
from pathlib import Path

from attach.arguments import PERMISSIONS, parser, removal_of, selection_of, wanted_of

ROOT = Path(__file__).resolve().parents[2]
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:observer:3"
CALL = re.compile(r'\.call\(\s*"([a-z]+)",\s*"([a-z-]+)"')
PREFIXES = {"resourcegroupstaggingapi": "tag"}
ACTIONS = {"lambda:Invoke": "lambda:InvokeFunction"}


def permission(service: str, action: str) -> str:
    name = "".join(part.capitalize() for part in action.split("-"))
    wanted = f"{PREFIXES.get(service, service)}:{name}"
    return ACTIONS.get(wanted, wanted)


def test_help_names_the_permission_of_every_call() -> None:
    """A person in charge of roles reads no code."""
    sources = [path.read_text("utf-8") for path in (ROOT / "attach").rglob("*.py")]
    used = {permission(*found) for text in sources for found in CALL.findall(text)}

    assert len(used) >= 20
    assert used == set(re.findall(r"[a-z]+:[A-Z][A-Za-z]+", PERMISSIONS))


def test_options_become_settings() -> None:
    """A name alone takes the shell's value, and the prefix may be left out."""
    words = ["attach", "--tag", "team=shop", "--sink", "s3://my-logs/x", "--set", "HISTORY=3"]
    words += ["--set", "FLIGHT_RECORDER_REDACT", "--invoke", "{}", LAYER]

    options = parser().parse_args(words)
    wanted = wanted_of(options, {"FLIGHT_RECORDER_REDACT": "all"})

    assert wanted.settings == {"HISTORY": "3", "REDACT": "all", "SINK": "s3://my-logs/x"}
    assert (wanted.payload, wanted.own_log_group, wanted.dry_run) == (b"{}", "", False)
    assert wanted.names.holds(LAYER)
    assert selection_of(options).tags == (("team", "shop"),)


def test_detach_takes_the_layers_name() -> None:
    """Without an ARN there is nothing else to know it by."""
    options = parser().parse_args(["detach", "--functions", "a,b", "--layer-name", "observer"])

    assert removal_of(options).names.holds(LAYER)
    assert selection_of(options).names == ("a", "b")
