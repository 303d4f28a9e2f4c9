import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from extension.aws import sigv4
from extension.aws.sigv4 import Keys, Request, Scope, canonical_request, sha256, sign

VECTORS = [
    json.loads(line)
    for line in Path(__file__).with_name("sigv4_vectors.ndjson").read_text("utf-8").splitlines()
]
"""AWS's published Signature Version 4 test suite (awslabs/aws-c-auth, tests/aws-signing-test-suite/v4).

`normalize` is how every service but S3 has its path; `sign_body` adds the digest of the body as a header;
`omit_session_token` leaves the token out of the signature.
"""
AT_S = 1440938160.0
MOMENT = "20150830T123600Z"
KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def parts_of(vector: dict[str, Any]) -> Request:
    head, _, body = vector["request"].partition("\n\n")
    first, *lines = head.rstrip("\n").split("\n")
    method, _, rest = first.partition(" ")
    target = rest.removesuffix(" HTTP/1.1")
    path, _, query = target.partition("?")
    headers: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith(" "):
            headers[-1] = (headers[-1][0], headers[-1][1] + line)
        else:
            name, _, value = line.partition(":")
            headers.append((name, value))
    if vector["context"]["sign_body"]:
        headers.append(("x-amz-content-sha256", sha256(body.encode())))
    if not vector["context"]["normalize"]:
        # As it goes out, and as it is signed: encoded once.
        path = quote(path, safe="/-_.~")
    return Request(method, path, query, headers, body.encode())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_the_published_cases(vector: dict[str, Any]) -> None:
    """Canonical request, string to sign and signature are those of AWS's own test suite."""
    context = vector["context"]
    credentials = context["credentials"]
    omitted = context.get("omit_session_token", False)
    token = "" if omitted else credentials.get("token", "")
    keys = Keys(credentials["access_key_id"], credentials["secret_access_key"], token)
    request = parts_of(vector)
    scope = Scope(context["region"], context["service"])
    as_s3 = not context["normalize"]

    added = [("X-Amz-Date", MOMENT), *([("X-Amz-Security-Token", token)] if token else [])]
    names, canonical = canonical_request(request, added, is_s3=as_s3)
    credential_scope = f"{MOMENT[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = sigv4.string_to_sign(canonical, MOMENT, credential_scope)

    assert canonical == vector["canonical_request"]
    assert text.decode() == vector["string_to_sign"]
    assert sigv4.signature(text, keys, credential_scope) == vector["signature"]
    if not as_s3:
        signed = sign(request, keys, scope, at_s=AT_S)
        assert signed["X-Amz-Date"] == MOMENT
        assert signed.get("X-Amz-Security-Token", "") == token
        assert signed["Authorization"] == (
            f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/{credential_scope}, "
            f"SignedHeaders={names}, Signature={vector['signature']}"
        )


def test_s3_keeps_its_path_as_it_goes_out() -> None:
    """A key's path is signed byte for byte; any other service's is made plain and encoded once more."""
    request = Request("PUT", "/bucket//a%20b/../c", "", [("Host", "h")], b"")

    for_s3 = canonical_request(request, [], is_s3=True)[1]
    for_others = canonical_request(request, [], is_s3=False)[1]

    assert for_s3.split("\n")[1] == "/bucket//a%20b/../c"
    assert for_others.split("\n")[1] == "/bucket/c"
    signed = [sign(request, KEYS, Scope("r", name), at_s=AT_S) for name in ("s3", "logs")]
    assert signed[0] != signed[1]


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        *(("", ""), ("b=2&a=1&a=0", "a=0&a=1&b=2"), ("list", "list="), ("a=1%2f2", "a=1%2F2")),
        *(("a=x+y", "a=x%2By"), ("a=b=c", "a=b%3Dc"), ("&a=1&&", "a=1")),
    ],
)
def test_the_query_in_its_canonical_form(query: str, canonical: str) -> None:
    """Sorted by name and value, each encoded anew."""
    request = Request("GET", "/", query, [("Host", "h")], b"")

    assert canonical_request(request, [], is_s3=False)[1].split("\n")[2] == canonical


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=10))
def test_anything_can_be_signed(path: str, query: str, value: str, token: str) -> None:
    """What has no lone surrogates gets a signature, and of the secret nothing is in what goes out."""
    request = Request("POST", "/" + path, query, [("Host", "h"), ("A", value)], b"")

    signed = sign(request, Keys("id", "very secret", token), Scope("r", "s"), at_s=AT_S)

    assert re.search(r"Signature=[0-9a-f]{64}$", signed["Authorization"])
    assert "very secret" not in signed["Authorization"]


def test_keys_do_not_show_themselves() -> None:
    """A log or a traceback that holds them shows nothing of them."""
    assert repr(Keys("AKID", "secret", "token")) == str(Keys("AKID", "secret")) == "Keys(...)"
