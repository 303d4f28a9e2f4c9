import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from extension.config import references
from extension.config.references import (
    Fetched,
    Reference,
    References,
    read_document,
    references_in,
)
from extension.model.receipt import Answer, Receipt

ROOT = Path(__file__).resolve().parents[3]
SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/token-AbCdEf"


def settings(**values: str) -> dict[str, str]:
    return {f"FLIGHT_RECORDER_{name}": value for name, value in values.items()}


class Services:
    """Stores of values, which stand in for AWS; notes what was asked for."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.asked: list[tuple[str, list[str]]] = []
        self.failures: dict[str, Receipt] = {}

    def fetch(
        self, service: str, names: list[str], environ: Mapping[str, str], *, until_s: float
    ) -> tuple[dict[str, str], dict[str, Receipt]]:
        self.asked.append((service, names))
        missing = {
            name: self.failures.get(name, Receipt(Answer.DENIED, f"no {name}"))
            for name in names
            if name not in self.values
        }
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
        ("s3://shop/a/rate.json#rate", Reference("s3", "//shop/a/rate.json", "rate")),
        ("s3://arn:aws:s3:::shop/rate", Reference("s3", "//arn:aws:s3:::shop/rate")),
    ],
)
def test_reference_names_service_value_and_key(value: str, reference: Reference) -> None:
    """Names and ARNs may hold colons, and only the first # begins a key."""
    found = references_in(settings(SAMPLE_RATE=value))

    assert found == {"FLIGHT_RECORDER_SAMPLE_RATE": reference}


@pytest.mark.parametrize(
    "environ",
    [
        *(
            settings(SINK="s3://b/a"),
            settings(FALLBACK_SINK="s3://b"),
            settings(ARCHIVE_SINK="s3://b/a#b"),
        ),
        *(settings(SAMPLE_RATE="0.5"), settings(SINK="https://ssm:secret@h/")),
        *(settings(ENABLED="ssm:/on"), settings(LOG_API="ssm:/api"), {"SAMPLE_RATE": "ssm:/rate"}),
    ],
)
def test_other_values_are_no_references(environ: dict[str, str]) -> None:
    """Nor are variables of others, and settings that are needed before anything can be fetched."""
    assert references_in(environ) == {}


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


def test_answer_that_may_pass_is_worth_another_attempt() -> None:
    """The longest pause asked for counts, and throttling of any; a denial is not repeated."""
    services = Services(c="3")
    services.failures = {
        "a": Receipt(Answer.UNAVAILABLE, "status 503", retry_after_s=7.0),
        "b": Receipt(Answer.UNAVAILABLE, "slow down", is_throttled=True),
    }
    all_of_them = References(
        settings(A="ssm:a", B="ssm:b", C="ssm:c", D="ssm:d"), fetch=services.fetch
    )

    found = all_of_them.fetch()
    services.failures = {}
    denied = all_of_them.fetch()

    assert found.again is not None
    assert (found.again.retry_after_s, found.again.is_throttled) == (7.0, True)
    assert (found.values, len(found.problems)) == (settings(C="3"), 3)
    assert denied.again is None
    assert all_of_them.last_known("why").again is None
    assert all_of_them.last_known("why", may_pass=True).again is not None


# The document of SETTINGS ------------------------------------------------------------------------------------------


def test_document_holds_names_with_or_without_the_prefix() -> None:
    """Its values are texts as variables hold them; other kinds of values are none."""
    text = (
        '{"SAMPLE_RATE": 0.5, "FLIGHT_RECORDER_FLUSH": "end", "HISTORY": 3, "KEEP_COLD_STARTS": true,'
        ' "SINK": null, "REDACT": ["all"]}'
    )

    document = read_document(text)

    known = settings(SAMPLE_RATE="0.5", FLUSH="end", HISTORY="3", KEEP_COLD_STARTS="true")
    assert document == known | dict.fromkeys(settings(SINK="", REDACT=""))


def test_references_in_the_document_are_fetched_with_it() -> None:
    """In the same attempt; those that a variable of the function replaces, or that cannot be, are not asked for."""
    services = Services(
        all='{"SINK": "secretsmanager:place#url", "FLUSH": "ssm:never", "ENABLED": "ssm:no", "SETTINGS": "ssm:no",'
        ' "ARCHIVE_SINK": "s3://bucket/all", "SAMPLE_RATE": "s3://bucket/rate"}',
        place='{"url": "https://intake/"}',
    )
    services.values["//bucket/rate"] = "1"
    made = References(settings(SETTINGS="ssm:all", FLUSH="end"), fetch=services.fetch)

    found = made.fetch()

    assert services.asked == [
        ("ssm", ["all"]),
        ("secretsmanager", ["place"]),
        ("s3", ["//bucket/rate"]),
    ]
    assert (found.problems, found.again) == ([], None)
    assert found.values.items() >= settings(SINK="https://intake/", SAMPLE_RATE="1").items()
    assert found.document is not None
    assert found.document["FLIGHT_RECORDER_ARCHIVE_SINK"] == "s3://bucket/all"
    assert sorted(made.references) == sorted(settings(SETTINGS="", SINK="", SAMPLE_RATE=""))


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '"SAMPLE_RATE"', "[" * 100_000])
def test_document_that_cannot_be_used_leaves_the_last_one(text: str) -> None:
    """Nobody wants the defaults in its place. The problem names the variable and shows nothing."""
    services = Services(all='{"SAMPLE_RATE": 1}')
    made = References(settings(SETTINGS="ssm:all"), fetch=services.fetch)
    first = made.fetch()
    services.values = {"all": text}

    second = made.fetch()

    problem = ("FLIGHT_RECORDER_SETTINGS", "the value that was fetched is not a JSON object")
    assert first.document == second.document == settings(SAMPLE_RATE="1")
    assert (first.problems, second.problems) == ([], [problem])


def test_document_that_is_not_fetched_leaves_the_last_one() -> None:
    """Without one there is none: deliveries wait then."""
    services = Services()
    made = References(settings(SETTINGS="ssm:all"), fetch=services.fetch)
    before = made.fetch()
    services.values = {"all": '{"SAMPLE_RATE": 1}'}
    known = made.fetch()
    services.values = {}

    after = made.fetch()

    assert (before.document, known.document) == (None, settings(SAMPLE_RATE="1"))
    assert after.document == known.document
    assert after.problems == [("FLIGHT_RECORDER_SETTINGS", "no all")]


def test_document_may_be_one_key_of_an_object() -> None:
    """A secret often holds more than that."""
    found = fetched(Services(all='{"recorder": {"HISTORY": 2}}'), SETTINGS="ssm:all#recorder")

    assert (found.document, found.problems) == (settings(HISTORY="2"), [])


def test_fetch_is_bounded() -> None:
    """The first fetch may hold back the sinks."""
    assert references.FETCH_TIMEOUT_S < 10
