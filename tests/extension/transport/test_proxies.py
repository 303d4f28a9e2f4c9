"""Variables of a proxy, as curl and Go read them: environments in, the proxy or none out."""

import pytest
from hypothesis import given, strategies as st

from extension.transport.proxies import Proxy, proxy_for, unreadable_exemptions

URL = "http://proxy:3128"


def is_exempt(exemptions: str, host: str, port: int = 443) -> bool:
    return proxy_for("https", host, port, {"HTTPS_PROXY": URL, "NO_PROXY": exemptions}) is None


@pytest.mark.parametrize(
    ("scheme", "environ", "expected"),
    [
        ("https", {}, None),
        ("https", {"NO_PROXY": "elsewhere"}, None),
        ("https", {"HTTP_PROXY": URL}, None),
        ("http", {"HTTPS_PROXY": URL}, None),
        ("https", {"HTTPS_PROXY": URL}, Proxy("HTTPS_PROXY", URL)),
        ("http", {"http_proxy": URL}, Proxy("http_proxy", URL)),
        ("https", {"HTTPS_PROXY": "other", "https_proxy": URL}, Proxy("https_proxy", URL)),
        ("https", {"HTTPS_PROXY": URL, "https_proxy": " "}, Proxy("HTTPS_PROXY", URL)),
        ("https", {"ALL_PROXY": URL, "HTTPS_PROXY": ""}, Proxy("ALL_PROXY", URL)),
        ("https", {"all_proxy": "other", "HTTPS_PROXY": URL}, Proxy("HTTPS_PROXY", URL)),
        ("https", {"HTTPS_PROXY": " proxy:3128 "}, Proxy("HTTPS_PROXY", URL)),
        ("https", {"HTTPS_PROXY": "socks5://proxy"}, Proxy("HTTPS_PROXY", "socks5://proxy")),
        ("https", {"HTTPS_PROXY": URL, "no_proxy": "h", "NO_PROXY": "i"}, None),
        ("https", {"HTTPS_PROXY": URL, "no_proxy": "", "NO_PROXY": "h"}, None),
    ],
)
def test_variable_of_the_scheme_names_the_proxy(
    scheme: str, environ: dict[str, str], expected: Proxy | None
) -> None:
    """The lower-case name goes first, an empty value is none, and ALL_PROXY is for the rest."""
    assert proxy_for(scheme, "h", 443, environ) == expected


@pytest.mark.parametrize(
    ("exemptions", "host"),
    [
        *(("intake.example", "intake.example"), ("intake.example", "a.b.intake.example")),
        *((".intake.example", "intake.example"), (".intake.example", "a.intake.example")),
        *(("*.intake.example", "a.intake.example"), ("intake.example.", "intake.example")),
        *(("intake.example", "intake.example."), ("InTake.Example", "INTAKE.example")),
        *(("intake.example:443", "intake.example"), (".intake.example:443", "a.intake.example")),
        *(("other,intake.example", "intake.example"), ("other intake.example", "intake.example")),
        *((" , other ,\tintake.example,", "intake.example"), ("*", "intake.example")),
        *(("a,*", "intake.example"), ("*", "10.1.2.3"), ("bücher.example", "xn--bcher-kva.example")),
        *(("under_score", "under_score"), ("example", "intake.example")),
        *(("10.1.2.3", "10.1.2.3"), ("10.1.2.3:443", "10.1.2.3"), ("10.0.0.0/8", "10.1.2.3")),
        *(("10.9.9.9/8", "10.1.2.3"), ("10.0.0.0/8:443", "10.1.2.3"), ("0.0.0.0/0", "10.1.2.3")),
        *(("[fd00::1]", "fd00::1"), ("fd00::1", "fd00::1"), ("fd00:0:0::1", "fd00::1")),
        *(("[fd00::1]:443", "fd00::1"), ("fc00::/7", "fd00::1"), ("[fc00::/7]", "fd00::1")),
        *(("[fc00::]/7", "fd00::1"), ("[fc00::/7]:443", "fd00::1"), ("FC00::/7", "FD00::1")),
        *(("::ffff:10.1.2.3", "10.1.2.3"), ("10.0.0.0/8", "::ffff:10.1.2.3")),
        *(("fe80::1", "fe80::1%25eth0"), ("10.0.0.0/33,[::1,intake.example", "intake.example")),
        *(("", "localhost"), ("", "127.0.0.1"), ("", "127.9.9.9"), ("", "::1"), ("", "LOCALHOST")),
        ("", "::ffff:127.0.0.1"),
    ],
)  # fmt: skip
def test_exempt_host_has_no_proxy(exemptions: str, host: str) -> None:
    """Names with all below them, addresses, ranges, brackets and ports exempt; loopback is exempt always."""
    assert is_exempt(exemptions, host)


@pytest.mark.parametrize(
    ("exemptions", "host"),
    [
        *(("", "intake.example"), ("intake.example", "notintake.example"), (",", "intake.example")),
        *(("a.intake.example", "intake.example"), ("intake.example:80", "intake.example")),
        *(("10.0.0.0/8", "11.1.2.3"), ("10.0.0.0/8", "ten.example"), ("10.1.2.3:80", "10.1.2.3")),
        *(("fc00::/7", "2001:db8::1"), ("[fc00::/7]:80", "fd00::1"), ("[::1]", "fd00::1")),
        *(("10.0.0.0/8", "::a01:203"), ("::/0", "10.1.2.3"), ("0.0.0.0/0", "fd00::1")),
        *(("", "localhost.example"), ("", "127.0.0.1.example"), ("2.3", "10.1.2.30")),
    ],
)  # fmt: skip
def test_other_host_has_its_proxy(exemptions: str, host: str) -> None:
    """No name is resolved, and no part of a name or of an address is taken for the whole."""
    assert not is_exempt(exemptions, host)


@pytest.mark.parametrize(
    "entry",
    [
        *("10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/255.0.0.0", "10.*", "fc00::/129", "[::1", "::1]", "[]"),
        *("[intake.example]", "http://intake.example", "intake.example:0", "intake.example:99999"),
        *("intake.example:http", "*intake.example", "a..b", "intake.example/in", "[::1]:", "fc00:::1"),
    ],
)  # fmt: skip
def test_entry_that_cannot_be_read_is_named(entry: str) -> None:
    """It is left out, and whoever wrote it learns which one; where no proxy is set it does not matter."""
    exemptions = f"first.example, {entry} ,last.example"

    assert unreadable_exemptions({"no_proxy": exemptions, "ALL_PROXY": URL}) == [entry]
    assert unreadable_exemptions({"no_proxy": exemptions}) == []
    assert is_exempt(exemptions, "last.example")


def test_entry_that_may_hold_a_secret_is_named_by_its_place() -> None:
    """A URL with a password may have got into the wrong variable."""
    exemptions = "good,http://user:s3cret@host," + "x" * 64 + "/y"

    found = unreadable_exemptions({"NO_PROXY": exemptions, "HTTPS_PROXY": URL})

    assert found == ["entry 2", "entry 3"]


ENTRIES = st.lists(st.text(st.sampled_from("a0.:/[]*-%@ é٣")) | st.text(max_size=80), max_size=4)


@given(
    entries=ENTRIES,
    host=st.text(max_size=20) | st.sampled_from(["h.example", "10.1.2.3", "fd00::1"]),
)
def test_any_text_is_read(entries: list[str], host: str) -> None:
    """Whatever the variables hold, there is a proxy or none; an entry that cannot be read exempts nothing."""
    environ = {"HTTPS_PROXY": URL, "NO_PROXY": ",".join(entries)}

    found = proxy_for("https", host, 443, environ)
    unreadable = unreadable_exemptions(environ)

    assert found in {None, Proxy("HTTPS_PROXY", URL)}
    alone = {**environ, "NO_PROXY": ",".join(unreadable)}
    assert proxy_for("https", "h.example", 443, alone) is not None
