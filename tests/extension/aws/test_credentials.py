import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from extension.aws.credentials import REFRESH_BEFORE_S, Credentials, NoCredentials, _read
from extension.aws.sigv4 import Keys
from extension.transport.client import Reply
from extension.transport.errors import Unreachable
from tests.doubles.recording_receiver import (
    STALL,
    RecordingReceiver,
    Reply as HttpAnswer,
    as_json,
    aws_endpoint,
)

pytestmark = pytest.mark.every_python

WAIT_S = 5.0
NOW_S = 1_800_000_000.0
HOUR_S = 3600.0


def answer(name: str, *, good_for_s: float | None = HOUR_S) -> HttpAnswer:
    """Answers as Lambda's endpoint for SnapStart does."""
    content = {"AccessKeyId": f"AK{name}", "SecretAccessKey": f"SK{name}", "Token": f"T{name}"}
    if good_for_s is not None:
        content["Expiration"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW_S + good_for_s))
    return as_json(content)


def keys(name: str) -> Keys:
    return Keys(f"AK{name}", f"SK{name}", f"T{name}")


@pytest.fixture
def server() -> Iterator[RecordingReceiver]:
    with aws_endpoint() as opened:
        opened.answers = [answer("1"), answer("2"), answer("3")]
        yield opened


@pytest.fixture
def environ(server: RecordingReceiver) -> dict[str, str]:
    """What the environment of a SnapStart function has."""
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/2021-04-23/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the token",
    }


@pytest.fixture
def opened() -> Iterator[Callable[[dict[str, str]], Credentials]]:
    """Gives what makes credentials, and closes them in the end."""
    made: list[Credentials] = []

    def make(environ: dict[str, str]) -> Credentials:
        made.append(Credentials(environ))
        return made[-1]

    yield make
    for credentials in made:
        credentials.close()


Opened = Callable[[dict[str, str]], Credentials]


def get(credentials: Credentials, now_s: float = NOW_S) -> Keys:
    return credentials.get(now_s=now_s, until_s=time.monotonic() + WAIT_S)


@pytest.mark.parametrize("token", ["", "T"])
def test_credentials_from_the_environment(opened: Opened, token: str) -> None:
    """Lambda's own variables; the token is left out where there is none."""
    environ = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"}
    environ |= {"AWS_SESSION_TOKEN": token} if token else {}

    assert get(opened(environ)) == Keys("AK", "SK", token)


def test_the_environment_comes_first(
    opened: Opened, server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """Nobody is asked where the variables are set, and there is nothing to renew."""
    environ |= {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"}
    credentials = opened(environ)

    found = get(credentials)

    assert found == Keys("AK", "SK")
    assert not credentials.invalidate()
    assert server.requests == []


def test_credentials_from_the_endpoint(
    opened: Opened, server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """The endpoint is asked with the token as it stands, once, and its credentials are kept."""
    credentials = opened(environ)

    found = [get(credentials), get(credentials, NOW_S + HOUR_S - REFRESH_BEFORE_S - 1)]

    assert found == [keys("1")] * 2
    assert [(one.method, one.path) for one in server.requests] == [
        ("GET", "/2021-04-23/credentials")
    ]
    assert server.requests[0].headers["authorization"] == "the token"


def test_they_are_replaced_before_they_expire(
    opened: Opened, server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """Five minutes before the end new ones are asked for."""
    credentials = opened(environ)

    found = [get(credentials), get(credentials, NOW_S + HOUR_S - REFRESH_BEFORE_S)]

    assert found == [keys("1"), keys("2")]


def test_they_are_replaced_when_aws_says_that_they_have_expired(
    opened: Opened, environ: dict[str, str]
) -> None:
    """What was invalidated is fetched anew."""
    credentials = opened(environ)
    get(credentials)

    renewable = credentials.invalidate()

    assert renewable
    assert get(credentials) == keys("2")


def test_without_an_expiration_they_are_kept(
    opened: Opened, server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """They are good until AWS says otherwise."""
    server.answers = [answer("1", good_for_s=None), answer("2")]
    credentials = opened(environ)

    found = [get(credentials), get(credentials, NOW_S + 1000 * HOUR_S)]

    assert found == [keys("1")] * 2


@pytest.mark.parametrize("failure", [HttpAnswer(500), HttpAnswer(404), as_json([]), STALL])
def test_what_is_at_hand_is_used_for_as_long_as_it_is_good(
    opened: Opened, server: RecordingReceiver, environ: dict[str, str], failure: HttpAnswer
) -> None:
    """An endpoint that fails in the last five minutes costs nothing; after them it does."""
    server.answers = [answer("1"), failure]
    credentials = opened(environ)
    get(credentials)

    late = credentials.get(now_s=NOW_S + HOUR_S - 1, until_s=time.monotonic() + 0.2)

    assert late == keys("1")
    with pytest.raises((NoCredentials, Unreachable)):
        credentials.get(now_s=NOW_S + HOUR_S, until_s=time.monotonic() + 0.2)


def test_the_token_may_be_in_a_file(
    opened: Opened, server: RecordingReceiver, environ: dict[str, str], tmp_path: Path
) -> None:
    """It comes before the variable, and is read each time, since it is replaced there."""
    file = tmp_path / "token"
    credentials = opened(environ | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)})

    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        get(credentials)
        credentials.invalidate()

    assert [one.headers["authorization"] for one in server.requests] == ["one", "two"]


def test_no_token_is_needed(
    opened: Opened, server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """An endpoint without one is asked without the header."""
    del environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]

    assert get(opened(environ)) == keys("1")
    assert "authorization" not in server.requests[0].headers


def test_a_relative_address_is_on_the_container_host(
    opened: Opened,
    server: RecordingReceiver,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It comes before the full one."""
    monkeypatch.setattr("extension.aws.credentials.CONTAINER_HOST", server.url)
    environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/1"

    found = get(opened(environ))

    assert found == keys("1")
    assert server.requests[0].path == "/v2/credentials/1"


NOTHING = "no AWS credentials in the environment"
NOT_LOCAL = (
    "no AWS credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor a local address"
)


@pytest.mark.parametrize(
    ("environ", "detail"),
    [
        ({}, NOTHING),
        ({"AWS_ACCESS_KEY_ID": "AK"}, NOTHING),
        ({"AWS_SECRET_ACCESS_KEY": "SK", "AWS_SESSION_TOKEN": "T"}, NOTHING),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/x"}, NOT_LOCAL),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1.example.com/x"}, NOT_LOCAL),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1@example.com/x"}, NOT_LOCAL),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://10.0.0.1/x"}, NOT_LOCAL),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "/x"}, NOT_LOCAL),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://[::1/"},
            "no AWS credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL",
        ),
    ],
)
def test_there_are_none(opened: Opened, environ: dict[str, str], detail: str) -> None:
    """What is missing, or asks for a token to be sent in the clear to anybody, is said."""
    with pytest.raises(NoCredentials) as caught:
        get(opened(environ))

    assert caught.value.detail == detail


@pytest.mark.parametrize("token", ["a\nb", "é"])
def test_a_token_that_no_header_can_hold(
    opened: Opened, environ: dict[str, str], token: str
) -> None:
    """It is not sent, and not shown."""
    environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = token

    with pytest.raises(NoCredentials) as caught:
        get(opened(environ))

    assert token not in caught.value.detail


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_token_file_that_cannot_be_read(
    opened: Opened, environ: dict[str, str], tmp_path: Path, content: bytes | None
) -> None:
    """It is told of by the variable's name."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(file)

    with pytest.raises(NoCredentials, match="TOKEN_FILE cannot be read"):
        get(opened(environ))


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (HttpAnswer(403, b"secret"), "status 403"),
        (HttpAnswer(200, b"secret"), "cannot be read"),
        (as_json(["secret"]), "cannot be read"),
        (as_json({"AccessKeyId": "secret"}), "cannot be read"),
        (as_json({"AccessKeyId": "a", "SecretAccessKey": "secret", "Token": None}), "holds none"),
        (as_json({"AccessKeyId": "a", "SecretAccessKey": "secret", "Token": "a\nb"}), "holds none"),
        (
            as_json(
                {"AccessKeyId": "a", "SecretAccessKey": "secret", "Token": "t", "Expiration": "?"}
            ),
            "cannot be read",
        ),
    ],
)
def test_an_answer_that_is_of_no_use(
    opened: Opened,
    server: RecordingReceiver,
    environ: dict[str, str],
    content: HttpAnswer,
    detail: str,
) -> None:
    """It is told what is the matter, and nothing of what was said."""
    server.answers = [content]

    with pytest.raises(NoCredentials, match=detail) as caught:
        get(opened(environ))

    assert "secret" not in caught.value.detail


def test_an_endpoint_that_fails_may_be_better_later(
    opened: Opened, server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """A fault of its own is like no answer, so that what was kept is tried again soon."""
    server.answers = [HttpAnswer(503)]

    with pytest.raises(Unreachable) as caught:
        get(opened(environ))

    assert (
        caught.value.detail
        == "no AWS credentials: the credentials endpoint answered with status 503"
    )


def test_nobody_answers(opened: Opened, server: RecordingReceiver, environ: dict[str, str]) -> None:
    """An endpoint that is not there is like any server that is not."""
    server.close()

    with pytest.raises(Unreachable):
        get(opened(environ))


@given(body=st.binary(max_size=100) | st.from_regex(rb'\{"AccessKeyId":.{0,40}\}', fullmatch=True))
def test_any_answer_can_be_read(body: bytes) -> None:
    """Whatever it is, it is credentials or none."""
    try:
        found, _ = _read(Reply(200, {}, body))
    except NoCredentials:
        return

    assert isinstance(found, Keys)


def test_times_with_and_without_fractions() -> None:
    """Both forms of an expiration are the same moment."""
    body = b'{"AccessKeyId":"a","SecretAccessKey":"s","Token":"t","Expiration":"%s"}'

    times = {
        _read(Reply(200, {}, body % form))[1]
        for form in (b"2027-01-15T08:00:00Z", b"2027-01-15T08:00:00.123456789Z", b"2027-01-15T08:00:00+00:00")
    }  # fmt: skip

    assert times == {1_800_000_000.0}


def test_closing_and_aborting(opened: Opened, environ: dict[str, str]) -> None:
    """Both are harmless at any time, and what is closed opens again."""
    credentials = opened(environ)

    credentials.abort()
    credentials.close()
    get(credentials)
    credentials.close()
    credentials.invalidate()

    assert get(credentials) == keys("2")
