import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from extension.aws.credentials import REFRESH_BEFORE_S, Credentials, NoCredentials, _read
from extension.aws.sigv4 import Keys
from extension.transport.client import Reply
from extension.transport.errors import Unreachable
from tests.doubles.recording_receiver import STALL, RecordingReceiver, Reply as HttpReply, as_json

pytestmark = pytest.mark.every_python

WAIT_S = 5.0
NOW_S = 1_800_000_000.0
HOUR_S = 3600.0


def answer(name: str, *, good_for_s: float | None = HOUR_S) -> HttpReply:
    """Answers as Lambda's endpoint for SnapStart does."""
    content = {"AccessKeyId": f"AK{name}", "SecretAccessKey": f"SK{name}", "Token": f"T{name}"}
    if good_for_s is not None:
        content["Expiration"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW_S + good_for_s))
    return as_json(content)


def keys(name: str) -> Keys:
    return Keys(f"AK{name}", f"SK{name}", f"T{name}")


@pytest.fixture
def environ(server: RecordingReceiver) -> dict[str, str]:
    """Return the environment of a SnapStart function, whose endpoint gives new credentials each time."""
    server.answers = [answer("1"), answer("2"), answer("3")]
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/2021-04-23/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the token",
    }


@pytest.fixture
def credentials(environ: dict[str, str]) -> Iterator[Credentials]:
    with closing(Credentials(environ)) as made:
        yield made


def get(credentials: Credentials, now_s: float = NOW_S, *, timeout_s: float = WAIT_S) -> Keys:
    return credentials.get(now_s=now_s, until_s=time.monotonic() + timeout_s)


@pytest.mark.parametrize("token", ["", "T"])
def test_variables_of_lambda_are_credentials(token: str) -> None:
    """The token is left out where there is none."""
    environ = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"}
    environ |= {"AWS_SESSION_TOKEN": token} if token else {}

    assert get(Credentials(environ)) == Keys("AK", "SK", token)


def test_variables_come_first(
    credentials: Credentials, server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """The endpoint is not asked where the variables are set, and nothing can be renewed."""
    environ |= {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"}

    assert get(credentials) == Keys("AK", "SK")
    assert not credentials.invalidate()
    assert server.requests == []


def test_endpoint_is_asked_once(credentials: Credentials, server: RecordingReceiver) -> None:
    """It gets the token as it stands, and its credentials are kept until five minutes before their end."""
    renewed_s = NOW_S + HOUR_S - REFRESH_BEFORE_S

    found = [get(credentials, now_s) for now_s in (NOW_S, renewed_s - 1, renewed_s)]

    assert found == [keys("1"), keys("1"), keys("2")]
    first, _ = server.requests
    assert (first.method, first.path) == ("GET", "/2021-04-23/credentials")
    assert first.headers["authorization"] == "the token"


def test_credentials_that_expired_by_aws_are_replaced(credentials: Credentials) -> None:
    """Credentials that were invalidated are fetched anew."""
    get(credentials)

    assert credentials.invalidate()
    assert get(credentials) == keys("2")


def test_credentials_without_an_expiration_are_kept(
    credentials: Credentials, server: RecordingReceiver
) -> None:
    """They are valid until AWS says otherwise."""
    server.answers = [answer("1", good_for_s=None), answer("2")]

    found = [get(credentials), get(credentials, NOW_S + 1000 * HOUR_S)]

    assert found == [keys("1")] * 2


@pytest.mark.parametrize("failure", [HttpReply(500), HttpReply(404), as_json([]), STALL])
def test_old_credentials_are_used_until_they_expire(
    credentials: Credentials, server: RecordingReceiver, failure: HttpReply
) -> None:
    """An endpoint that fails in the last five minutes costs nothing; after them it does."""
    server.answers = [answer("1"), failure]
    get(credentials)

    assert get(credentials, NOW_S + HOUR_S - 1, timeout_s=0.2) == keys("1")
    with pytest.raises((NoCredentials, Unreachable)):
        get(credentials, NOW_S + HOUR_S, timeout_s=0.2)


def test_token_may_be_in_a_file(
    credentials: Credentials, server: RecordingReceiver, environ: dict[str, str], tmp_path: Path
) -> None:
    """The file comes before the variable, and is read each time, since its writer replaces it."""
    file = tmp_path / "token"
    environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(file)

    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        get(credentials)
        credentials.invalidate()

    assert [one.headers["authorization"] for one in server.requests] == ["one", "two"]


def test_endpoint_may_need_no_token(
    credentials: Credentials, server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """It is then asked without the header."""
    del environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]

    assert get(credentials) == keys("1")
    assert "authorization" not in server.requests[0].headers


def test_relative_address_is_on_the_container_host(
    credentials: Credentials,
    server: RecordingReceiver,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It comes before the full one."""
    monkeypatch.setattr("extension.aws.credentials.CONTAINER_HOST", server.url)
    environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/1"

    assert get(credentials) == keys("1")
    assert server.requests[0].path == "/v2/credentials/1"


NOTHING = "no AWS credentials in the environment"
FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
NOT_LOCAL = f"no AWS credentials: {FULL_URI} is neither https nor a local address"


@pytest.mark.parametrize(
    ("environ", "detail"),
    [
        ({}, NOTHING),
        ({"AWS_ACCESS_KEY_ID": "AK"}, NOTHING),
        ({"AWS_SECRET_ACCESS_KEY": "SK", "AWS_SESSION_TOKEN": "T"}, NOTHING),
        ({FULL_URI: "http://example.com/x"}, NOT_LOCAL),
        ({FULL_URI: "http://127.0.0.1.example.com/x"}, NOT_LOCAL),
        ({FULL_URI: "http://127.0.0.1@example.com/x"}, NOT_LOCAL),
        ({FULL_URI: "http://10.0.0.1/x"}, NOT_LOCAL),
        ({FULL_URI: "/x"}, NOT_LOCAL),
        ({FULL_URI: "http://[::1/"}, f"no AWS credentials: {FULL_URI} is not a URL"),
    ],
)
def test_missing_credentials_have_their_reason(environ: dict[str, str], detail: str) -> None:
    """A token is not sent in the clear to anybody."""
    with pytest.raises(NoCredentials) as caught:
        get(Credentials(environ))

    assert str(caught.value) == detail


@pytest.mark.parametrize("token", ["a\nb", "é"])
def test_token_that_no_header_can_hold_is_not_shown(
    credentials: Credentials, environ: dict[str, str], token: str
) -> None:
    """Nor is it sent."""
    environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = token

    with pytest.raises(NoCredentials) as caught:
        get(credentials)

    assert token not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_token_file_that_cannot_be_read_has_its_reason(
    credentials: Credentials, environ: dict[str, str], tmp_path: Path, content: bytes | None
) -> None:
    """The reason names the variable."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(file)

    with pytest.raises(NoCredentials, match="TOKEN_FILE cannot be read"):
        get(credentials)


PAIR = {"AccessKeyId": "a", "SecretAccessKey": "secret"}


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (HttpReply(403, b"secret"), "status 403"),
        (HttpReply(200, b"secret"), "cannot be read"),
        (as_json(["secret"]), "cannot be read"),
        (as_json({"AccessKeyId": "secret"}), "cannot be read"),
        (as_json({**PAIR, "Token": None}), "holds none"),
        (as_json({**PAIR, "Token": "a\nb"}), "holds none"),
        (as_json({**PAIR, "Token": "t", "Expiration": "?"}), "cannot be read"),
    ],
)
def test_answer_that_cannot_be_used_has_its_reason(
    credentials: Credentials, server: RecordingReceiver, content: HttpReply, detail: str
) -> None:
    """The reason holds no part of the answer."""
    server.answers = [content]

    with pytest.raises(NoCredentials, match=detail) as caught:
        get(credentials)

    assert "secret" not in str(caught.value)


def test_endpoint_that_fails_is_like_no_answer(
    credentials: Credentials, server: RecordingReceiver
) -> None:
    """Records that wait are tried again soon."""
    server.answers = [HttpReply(503)]

    with pytest.raises(Unreachable) as caught:
        get(credentials)

    detail = "no AWS credentials: the credentials endpoint answered with status 503"
    assert caught.value.detail == detail


def test_endpoint_that_is_not_there_is_like_any_server(
    credentials: Credentials, server: RecordingReceiver
) -> None:
    """Lambda may start it a little later."""
    server.close()

    with pytest.raises(Unreachable):
        get(credentials)


@given(body=st.binary(max_size=100) | st.from_regex(rb'\{"AccessKeyId":.{0,40}\}', fullmatch=True))
def test_every_answer_is_credentials_or_none(body: bytes) -> None:
    """No answer may raise another error."""
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


def test_credentials_open_again_after_close_and_abort(credentials: Credentials) -> None:
    """Both are harmless at any time."""
    credentials.abort()
    credentials.close()
    get(credentials)
    credentials.close()
    credentials.invalidate()

    assert get(credentials) == keys("2")
