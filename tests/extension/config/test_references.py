import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.app.settings_refresh import Refresher
from extension.aws.secrets import MAX_ATTEMPTS
from extension.config.references import (
    FETCH_TIMEOUT_S,
    Fetched,
    Reference,
    References,
    next_refresh_s,
    references_in,
)
from tests.doubles.http_server import Request
from tests.doubles.recording_receiver import (
    STALL,
    RecordingReceiver,
    Reply as HttpAnswer,
    as_json,
    aws_endpoint,
)
from tests.services.aws import ACCOUNT, REGION, AwsService, ministack, moto
from tests.services.environment import unique

WAIT_S = 10.0
KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_REGION": REGION}
ROOT = Path(__file__).resolve().parents[3]


def settings(**values: str) -> dict[str, str]:
    return {f"FLIGHT_RECORDER_{name}": value for name, value in values.items()}


def references(environ: dict[str, str], **more: Any) -> References:
    return References(environ, random=lambda: 0.0, **more)


def by_name(fetched: Fetched) -> dict[str, str]:
    return {name.removeprefix("FLIGHT_RECORDER_"): text for name, text in fetched.values.items()}


def problems(fetched: Fetched) -> dict[str, str]:
    return {name.removeprefix("FLIGHT_RECORDER_"): detail for name, detail in fetched.problems}


# what a reference is -----------------------------------------------------------------------------------------------

SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/token-AbCdEf"


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
def test_the_forms_of_a_reference(value: str, reference: Reference) -> None:
    """Where a value is kept, what it is called there, and which key of it is meant."""
    found = references_in(settings(SAMPLE_RATE=value))

    assert found == {"FLIGHT_RECORDER_SAMPLE_RATE": reference}


@pytest.mark.parametrize(
    "environ",
    [
        settings(SAMPLE_RATE="0.5"),
        settings(SINK="https://ssm:secret@h/"),
        settings(ENABLED="ssm:/on"),
        settings(LOG_API="ssm:/api"),
        {"SAMPLE_RATE": "ssm:/rate"},
    ],
)
def test_what_is_no_reference(environ: dict[str, str]) -> None:
    """Other values, other variables, and what is needed before anything can be fetched."""
    assert references_in(environ) == {}


@given(now_s=st.floats(0, 1e10), interval_s=st.integers(1, 86_400))
def test_refreshes_are_at_multiples_of_the_interval(now_s: float, interval_s: int) -> None:
    """Whenever an environment was started, it refreshes when all others do."""
    next_s = next_refresh_s(now_s, interval_s=interval_s)

    assert now_s < next_s <= now_s + interval_s
    assert next_s % interval_s == 0


def test_nothing_is_loaded_before_something_is_fetched() -> None:
    """To find references takes neither httpx nor anything of AWS."""
    code = (
        "import sys, extension.config.references as r; r.references_in({'FLIGHT_RECORDER_SINK': 'ssm:/a'});"
        "print([m for m in sys.modules if m.startswith(('httpx', 'ssl', 'extension.aws'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_what_was_fetched_does_not_show_itself() -> None:
    """A log or a traceback that holds it shows no value."""
    fetched = Fetched({"FLIGHT_RECORDER_SINK": "very secret"}, [("A", "detail")])

    assert "very secret" not in repr(fetched) + str(fetched) + f"{fetched}"


# against an emulator of AWS ----------------------------------------------------------------------------------------


def put_parameter(aws: AwsService, value: str, *, kind: str = "String") -> str:
    name = f"/{unique('flight')}/value"
    aws.call("AmazonSSM.PutParameter", Name=name, Value=value, Type=kind)
    return name


def make_secret(aws: AwsService, **content: Any) -> tuple[str, str]:
    name = unique("secret")
    answer = aws.call(
        "secretsmanager.CreateSecret", Name=name, ClientRequestToken=unique("t" * 32), **content
    )
    return name, str(answer["ARN"])


@pytest.mark.services
def test_values_are_fetched() -> None:
    """Parameters, encrypted ones, secrets by name and ARN, and keys of JSON objects."""
    aws = moto()
    name, arn = make_secret(
        aws, SecretString='{"token": "abc", "port": 8, "on": true, "off": null}'
    )
    _, plain_arn = make_secret(aws, SecretString="a secret\n")
    environ = aws.environ() | settings(
        SAMPLE_RATE="ssm:" + put_parameter(aws, "0.5"),
        ERROR_PATTERN="ssm:" + put_parameter(aws, "very secret\r\n", kind="SecureString"),
        SINK=f"secretsmanager:{name}#token",
        FALLBACK_SINK=f"secretsmanager:{arn}#port",
        ARCHIVE_SINK=f"secretsmanager:{arn}#on",
        BUFFER_SIZE=f"secretsmanager:{arn.rpartition('-')[0]}",
        SINK_HEADERS=f"secretsmanager:{plain_arn}",
        FLUSH="end",
    )

    fetched = references(environ).fetch()

    assert fetched.problems == []
    assert by_name(fetched) == {
        "SAMPLE_RATE": "0.5",
        "ERROR_PATTERN": "very secret",
        "SINK": "abc",
        "FALLBACK_SINK": "8",
        "ARCHIVE_SINK": "true",
        "BUFFER_SIZE": '{"token": "abc", "port": 8, "on": true, "off": null}',
        "SINK_HEADERS": "a secret",
    }


@pytest.mark.services
@pytest.mark.parametrize("emulator", [moto, ministack])
def test_what_cannot_be_fetched_does_not_stop_the_rest(emulator: Callable[[], AwsService]) -> None:
    """Each reference that leads nowhere is told of by its variable, and the others are fetched."""
    aws = emulator()
    parameter = put_parameter(aws, "secret-one")
    name, _ = make_secret(aws, SecretString="secret-two")
    as_json_name, _ = make_secret(aws, SecretString='{"a": "secret-three", "b": null}')
    binary, _ = make_secret(aws, SecretBinary="c2VjcmV0LWZvdXI=")
    environ = aws.environ() | settings(
        A=f"ssm:{parameter}",
        B="ssm:/missing",
        C="ssm:not a name!",
        D=f"secretsmanager:{name}",
        E=f"secretsmanager:{name}#key",
        F="secretsmanager:missing",
        G=f"secretsmanager:{as_json_name}#c",
        H=f"secretsmanager:{as_json_name}#b",
        I=f"secretsmanager:{binary}",
        J="ssm:",
        K=f"ssm:{parameter}#key",
    )

    fetched = references(environ).fetch()

    assert by_name(fetched) == {"A": "secret-one", "D": "secret-two"}
    told = problems(fetched)
    assert sorted(told) == ["B", "C", "E", "F", "G", "H", "I", "J", "K"]
    assert told["B"] == "no such parameter"
    assert told["E"] == told["K"] == "what was fetched is no JSON object"
    assert told["F"].startswith("ResourceNotFoundException")
    assert told["G"] == told["H"] == "the JSON object that was fetched has no such key"
    assert told["I"] == "the secret is binary"
    assert "secret-" not in str(told)


@pytest.mark.services
def test_more_than_one_call_s_worth() -> None:
    """Twenty-five parameters and twenty-five secrets are fetched all the same."""
    aws = moto()
    environ = aws.environ()
    for number in range(25):
        environ |= settings(
            **{
                f"P{number}": "ssm:" + put_parameter(aws, f"p{number}"),
                f"S{number}": "secretsmanager:" + make_secret(aws, SecretString=f"s{number}")[0],
            }
        )

    fetched = references(environ).fetch()

    assert fetched.problems == []
    assert by_name(fetched) == {
        f"{kind.upper()}{number}": f"{kind}{number}" for kind in "ps" for number in range(25)
    }


@pytest.mark.services
def test_a_value_that_changes_is_found_changed() -> None:
    """The next fetch has what is there then."""
    aws = moto()
    name = put_parameter(aws, "0.1")
    found = references(aws.environ() | settings(SAMPLE_RATE=f"ssm:{name}"))
    before = found.fetch()
    aws.call("AmazonSSM.PutParameter", Name=name, Value="1", Overwrite=True)

    after = found.fetch()

    assert (by_name(before), by_name(after)) == ({"SAMPLE_RATE": "0.1"}, {"SAMPLE_RATE": "1"})


@pytest.mark.services
def test_secrets_without_permission_for_many_at_a_time() -> None:
    """A role that may read secrets one by one only gets them one by one, and those that it may read."""
    aws = ministack()
    names = [make_secret(aws, SecretString=f"of {number}") for number in range(3)]
    allowed = {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": [arn for _, arn in names[:2]],
    }
    keys = aws.role_keys({"Version": "2012-10-17", "Statement": [allowed]})
    values = {f"A{number}": f"secretsmanager:{name}" for number, (name, _) in enumerate(names)}

    fetched = references(aws.environ(keys) | settings(**values)).fetch()

    assert by_name(fetched) == {"A0": "of 0", "A1": "of 1"}
    assert [name for name, _ in fetched.problems] == ["FLIGHT_RECORDER_A2"]
    assert problems(fetched)["A2"].startswith("AccessDeniedException")


# against a server of our own ---------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[RecordingReceiver]:
    with aws_endpoint() as opened:
        yield opened


@pytest.fixture
def environ(server: RecordingReceiver) -> dict[str, str]:
    return {**KEYS, "AWS_ENDPOINT_URL": server.url}


def parameters(asked: Request) -> HttpAnswer:
    names = json.loads(asked.body)["Names"]
    return as_json({"Parameters": [{"Name": name, "Value": f"of {name}"} for name in names]})


def test_parameters_are_asked_for_ten_at_a_time(
    server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """Each name once, decrypted, in as few calls as AWS allows."""
    server.answers = [parameters]
    environ |= settings(**{f"A{number}": f"ssm:/{number % 21}" for number in range(30)})

    fetched = references(environ).fetch()

    payloads = [json.loads(asked.body) for asked in server.requests]
    assert [len(payload["Names"]) for payload in payloads] == [10, 10, 1]
    assert all(payload["WithDecryption"] for payload in payloads)
    assert len(fetched.values) == 30


def test_secrets_are_asked_for_twenty_at_a_time(
    server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """One that is alone is asked for as one, which takes no further permission."""

    def secrets(asked: Request) -> HttpAnswer:
        payload = json.loads(asked.body)
        if "SecretId" in payload:
            return as_json({"SecretString": "alone"})
        names = payload["SecretIdList"]
        return as_json({"SecretValues": [{"Name": name, "SecretString": name} for name in names]})

    server.answers = [secrets]
    environ |= settings(**{f"A{number}": f"secretsmanager:s{number}" for number in range(21)})

    fetched = references(environ).fetch()

    targets = [asked.headers["x-amz-target"].partition(".")[2] for asked in server.requests]
    assert targets == ["BatchGetSecretValue", "GetSecretValue"]
    assert len(fetched.values) == 21


def test_a_label_or_a_version_is_part_of_the_name(
    server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """Systems Manager answers with the name and the selector apart."""
    answer = [
        {"Name": "/a", "Selector": ":3", "Value": "third"},
        {"Name": "/b", "Selector": ":live", "ARN": "arn:aws:ssm:::parameter/b", "Value": "live"},
    ]
    server.answers = [as_json({"Parameters": answer})]
    environ |= settings(A="ssm:/a:3", B="ssm:arn:aws:ssm:::parameter/b:live")

    assert by_name(references(environ).fetch()) == {"A": "third", "B": "live"}


def test_permission_for_some_parameters_is_enough_for_those(
    server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """Systems Manager refuses all of a call for one name that it may not give out, so each is asked for alone."""

    def guarded(asked: Request) -> HttpAnswer:
        if "/theirs" in json.loads(asked.body)["Names"]:
            return as_json({"__type": "AccessDeniedException"}, 400)
        return parameters(asked)

    server.answers = [guarded]
    environ |= settings(A="ssm:/a", B="ssm:/theirs", C="ssm:/c")

    fetched = references(environ).fetch()

    assert by_name(fetched) == {"A": "of /a", "C": "of /c"}
    assert problems(fetched) == {"B": "AccessDeniedException (status 400)"}
    assert len(server.requests) == 4


THROTTLED = as_json({"__type": "ThrottlingException"}, 400)


def test_throttling_is_waited_out(server: RecordingReceiver, environ: dict[str, str]) -> None:
    """All environments ask in the same second, so each waits for a time of its own."""
    server.answers = [THROTTLED, THROTTLED, parameters]
    pauses_s: list[float] = []
    environ |= settings(A="ssm:/a")

    fetched = References(environ, random=lambda: 0.5, sleep=pauses_s.append).fetch()

    assert by_name(fetched) == {"A": "of /a"}
    assert pauses_s == [0.2, 0.4]


def test_throttling_is_not_waited_out_for_ever(
    server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """After a few attempts it is a problem, and names are not asked for one by one."""
    server.answers = [THROTTLED]
    environ |= settings(A="ssm:/a", B="ssm:/b")

    fetched = references(environ).fetch()

    assert problems(fetched) == dict.fromkeys("AB", "ThrottlingException (status 400)")
    assert len(server.requests) == MAX_ATTEMPTS


def test_what_would_take_too_long_is_not_waited_for(
    server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """Retry-After is obeyed, so where it leads beyond the time given there is no second attempt."""
    server.answers = [as_json({}, 503, **{"Retry-After": "60"})]
    environ |= settings(A="ssm:/a")

    fetched = references(environ).fetch(timeout_s=2.0)

    assert problems(fetched) == {"A": "status 503"}
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [
        as_json({"__type": "AccessDeniedException", "message": "very secret"}, 400),
        HttpAnswer(200, b"very secret"),
        as_json(["very secret"]),
        as_json({"Parameters": "very secret"}),
        as_json({"Parameters": ["very secret", {"Name": "very secret"}]}),
        HttpAnswer(500, b"very secret"),
        STALL,
    ],
)
def test_a_failure_keeps_what_was_known(
    server: RecordingReceiver, environ: dict[str, str], failure: HttpAnswer
) -> None:
    """The value last known stays, the failure is told of, and nothing of what was said is."""
    server.answers = [parameters, failure]
    found = references(environ | settings(A="ssm:/a", B="ssm:/b"))
    first = found.fetch()

    second = found.fetch(timeout_s=0.4)

    assert first.problems == []
    assert second.values == first.values
    assert sorted(problems(second)) == ["A", "B"]
    assert all(problems(second).values())
    assert "secret" not in repr(second)


def test_one_failure_keeps_one_value(server: RecordingReceiver, environ: dict[str, str]) -> None:
    """What else was fetched is new."""
    one = {"Parameters": [{"Name": "/a", "Value": "new"}], "InvalidParameters": ["/b"]}
    server.answers = [parameters, as_json(one)]
    found = references(environ | settings(A="ssm:/a", B="ssm:/b"))
    found.fetch()

    fetched = found.fetch()

    assert by_name(fetched) == {"A": "new", "B": "of /b"}
    assert problems(fetched) == {"B": "no such parameter"}


def test_what_the_batch_leaves_out_is_asked_for_alone(
    server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """A page of secrets may not have them all."""
    first = {"SecretValues": [{"Name": "a", "SecretString": "of a"}], "NextToken": "more"}
    server.answers = [as_json(first), as_json({"SecretString": "of b"})]
    environ |= settings(A="secretsmanager:a", B="secretsmanager:b")

    fetched = references(environ).fetch()

    assert by_name(fetched) == {"A": "of a", "B": "of b"}
    assert json.loads(server.requests[1].body) == {"SecretId": "b"}


@pytest.mark.parametrize(
    ("environ", "detail"),
    [
        ({}, "no AWS region: AWS_REGION is not set"),
        ({"AWS_REGION": REGION}, "no AWS credentials in the environment"),
    ],
)
def test_nothing_to_ask_with(environ: dict[str, str], detail: str) -> None:
    """Without region or credentials every reference has the same problem."""
    fetched = references(environ | settings(A="ssm:/a", B="secretsmanager:b")).fetch()

    assert fetched == Fetched({}, [("FLIGHT_RECORDER_A", detail), ("FLIGHT_RECORDER_B", detail)])


# on a thread of its own --------------------------------------------------------------------------------------------


def collected(refresher: Refresher) -> Fetched:
    select.select([refresher.descriptor], [], [], WAIT_S)
    fetched = refresher.collect()
    assert fetched is not None
    return fetched


def test_a_fetch_is_announced(server: RecordingReceiver, environ: dict[str, str]) -> None:
    """The main loop goes on; its descriptor becomes readable when the values are there."""
    waiting = threading.Event()

    def slowly(asked: Request) -> HttpAnswer:
        waiting.wait(WAIT_S)
        return parameters(asked)

    server.answers = [slowly]
    refresher = Refresher(references(environ | settings(A="ssm:/a")))
    idle = refresher.busy

    refresher.start_fetch()
    refresher.start_fetch()
    meanwhile = (refresher.busy, refresher.collect())
    waiting.set()
    fetched = collected(refresher)

    assert (idle, meanwhile, refresher.busy) == (False, (True, None), False)
    assert by_name(fetched) == {"A": "of /a"}
    assert refresher.collect() is None
    assert len(server.requests) == 1


def test_one_fetch_after_the_other(server: RecordingReceiver, environ: dict[str, str]) -> None:
    """Each has a thread of its own, which ends with it."""
    server.answers = [parameters]
    refresher = Refresher(references(environ | settings(A="ssm:/a")))

    for _ in range(3):
        refresher.start_fetch()
        collected(refresher)

    assert len(server.requests) == 3
    until_s = time.monotonic() + WAIT_S
    while any(one.name == "references" for one in threading.enumerate()):
        assert time.monotonic() < until_s


def test_an_error_of_our_own_is_a_problem(environ: dict[str, str]) -> None:
    """Whatever goes wrong in the thread, the settings stay, and it is told by its kind alone."""

    def broken() -> float:
        raise ZeroDivisionError("very secret")

    refresher = Refresher(references(environ | settings(A="ssm:/a"), wall_s=broken))

    refresher.start_fetch()
    fetched = collected(refresher)

    assert fetched == Fetched({}, [("FLIGHT_RECORDER_A", "internal error: ZeroDivisionError")])


def test_no_thread_can_be_started(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment whose threads are all in use keeps its settings."""

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    refresher = Refresher(references(environ | settings(A="ssm:/a")))
    monkeypatch.setattr(threading.Thread, "start", fail)

    refresher.start_fetch()
    fetched = refresher.collect()

    assert fetched == Fetched({}, [("FLIGHT_RECORDER_A", "no thread can be started")])
    assert not refresher.busy


def test_a_fetch_ends_in_time(server: RecordingReceiver, environ: dict[str, str]) -> None:
    """However slow AWS is, and however much there is to ask for."""
    server.answers = [STALL]
    environ |= settings(**{f"A{number}": f"ssm:/{number}" for number in range(30)})
    began_s = time.monotonic()

    fetched = references(environ).fetch(timeout_s=0.3)

    assert time.monotonic() - began_s < 1.0
    assert len(fetched.problems) == 30
    assert FETCH_TIMEOUT_S < 10
