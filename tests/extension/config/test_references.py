import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from extension.config import references
from extension.config.references import Fetched, Reference, References, references_in

ROOT = Path(__file__).resolve().parents[3]
SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/token-AbCdEf"


def settings(**values: str) -> dict[str, str]:
    return {f"FLIGHT_RECORDER_{name}": value for name, value in values.items()}


class Services:
    """Stores of values, which stand in for AWS; notes what was asked for."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.asked: list[tuple[str, list[str]]] = []

    def fetch(
        self, service: str, names: list[str], environ: Mapping[str, str], *, until_s: float
    ) -> tuple[dict[str, str], dict[str, str]]:
        self.asked.append((service, names))
        missing = {name: f"no {name}" for name in names if name not in self.values}
        return {name: self.values[name] for name in names if name not in missing}, missing


def fetched(services: Services, **values: str) -> Fetched:
    return References(settings(**values), fetch=services.fetch).fetch()


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ("ssm:/shop/rate", Reference("ssm", "/shop/rate")),
        ("ssm:rate", Reference("ssm", "rate")),
        (" ssm:/shop/rate ", Reference("ssm", "/shop/rate")),
        ("ssm:/shop/rate:3", Reference("ssm", "/shop/rate:3")),
        ("ssm:/shop/all#rate", Reference("ssm", "/shop/all", "rate")),
        ("secretsmanager:shop/token", Reference("secretsmanager", "shop/token")),
        ("secretsmanager:shop/token#a#b", Reference("secretsmanager", "shop/token", "a#b")),
        (f"secretsmanager:{SECRET_ARN}", Reference("secretsmanager", SECRET_ARN)),
        (f"secretsmanager:{SECRET_ARN}#key", Reference("secretsmanager", SECRET_ARN, "key")),
        ("ssm:", Reference("ssm", "")),
    ],
)
def test_reference_names_service_value_and_key(value: str, reference: Reference) -> None:
    """Names and ARNs may hold colons, and only the first # begins a key."""
    found = references_in(settings(SAMPLE_RATE=value))

    assert found == {"FLIGHT_RECORDER_SAMPLE_RATE": reference}


@pytest.mark.parametrize(
    "environ",
    [
        *(settings(SAMPLE_RATE="0.5"), settings(SINK="https://ssm:secret@h/")),
        *(settings(ENABLED="ssm:/on"), settings(LOG_API="ssm:/api"), {"SAMPLE_RATE": "ssm:/rate"}),
    ],
)
def test_other_values_are_no_references(environ: dict[str, str]) -> None:
    """Nor are variables of others, and settings that are needed before anything can be fetched."""
    assert references_in(environ) == {}


@given(now_s=st.floats(0, 1e10), interval_s=st.integers(1, 86_400))
def test_refresh_is_at_a_multiple_of_the_interval(now_s: float, interval_s: int) -> None:
    """Whenever an environment was started, it refreshes when all others do."""
    next_s = references.next_refresh_s(now_s, interval_s=interval_s)

    assert now_s < next_s <= now_s + interval_s
    assert next_s % interval_s == 0


def test_finding_references_loads_no_client() -> None:
    """Neither httpx nor anything of AWS is loaded before a fetch."""
    code = (
        "import sys, extension.config.references as r; r.references_in({'FLIGHT_RECORDER_SINK': 'ssm:/a'});"
        "print([m for m in sys.modules if m.startswith(('httpx', 'ssl', 'extension.aws'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_fetched_values_do_not_show_themselves() -> None:
    """A log or a traceback may hold the object."""
    found = Fetched({"FLIGHT_RECORDER_SINK": "very secret"}, [("A", "detail")])

    assert "very secret" not in repr(found) + str(found) + f"{found}"


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        *(("0.5", "0.5"), ("0.5\n", "0.5"), ("0.5\r\n", "0.5"), (" a \n\n", " a \n")),
        ('{"key": "abc"}', '{"key": "abc"}'),
    ],
)
def test_value_is_used_without_its_last_newline(stored: str, value: str) -> None:
    """A value that was stored from a file ends in a newline, which nobody means."""
    assert fetched(Services(x=stored), A="ssm:x") == Fetched(settings(A=value), [])


@pytest.mark.parametrize(
    ("stored", "value", "problem"),
    [
        ('{"key": "abc"}', "abc", ""),
        ('{"key": 8}', "8", ""),
        ('{"key": true}', "true", ""),
        ('{"key": null}', "", "the JSON object that was fetched has no such key"),
        ('{"other": "secret"}', "", "the JSON object that was fetched has no such key"),
        ('["secret"]', "", "the value that was fetched is not a JSON object"),
        ("secret", "", "the value that was fetched is not a JSON object"),
        ("[" * 100_000, "", "the value that was fetched is not a JSON object"),
    ],
)
def test_key_takes_one_value_of_a_json_object(stored: str, value: str, problem: str) -> None:
    """One secret often holds several values; the problem quotes none of them."""
    found = fetched(Services(x=stored), A="secretsmanager:x#key")

    values, problems = ({}, [("FLIGHT_RECORDER_A", problem)]) if problem else ({"A": value}, [])
    assert found == Fetched(settings(**values), problems)


def test_each_name_is_asked_for_once() -> None:
    """Several settings may be keys of one secret, and a service without references is not asked."""
    services = Services(b="1", a='{"x": "2", "y": "3"}')

    found = fetched(services, A="ssm:b", B="ssm:a#x", C="ssm:a#y")

    assert services.asked == [("ssm", ["a", "b"])]
    assert found == Fetched(settings(A="1", B="2", C="3"), [])


def test_failure_keeps_the_last_known_value() -> None:
    """The other references get their new values."""
    services = Services(a="1", b="2")
    both = References(settings(A="ssm:a", B="secretsmanager:b"), fetch=services.fetch)
    first = both.fetch()
    services.values = {"b": "3"}

    second = both.fetch()

    assert first == Fetched(settings(A="1", B="2"), [])
    assert second == Fetched(settings(A="1", B="3"), [("FLIGHT_RECORDER_A", "no a")])
    assert both.last_known("why").values == second.values
    assert len(both.last_known("why").problems) == 2


def test_fetch_is_bounded() -> None:
    """The first fetch may hold back the sinks."""
    assert references.FETCH_TIMEOUT_S < 10
