"""Choose the proxy for a host from the environment's variables.

Variables are read as curl reads them: the lower-case name first, an empty value is no value, ``ALL_PROXY`` is for what has no
variable of its own. ``NO_PROXY`` is read as Go's ``golang.org/x/net/http/httpproxy`` does: names with everything below them,
addresses, ranges, ports, ``*``, and loopback always. Of curl it has two rules more: blanks separate as commas do, and a
leading dot or ``*.`` changes nothing.

Pure: the environment is passed in. No name is resolved to compare it with an address.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

SCHEMES = ("http", "https", "all")
MAX_PORT = 65535
MAX_SHOWN_CHARS = 64

_SHOWABLE = re.compile(rf"[\w.:/*\[\]-]{{1,{MAX_SHOWN_CHARS}}}", re.ASCII)
"""Entries that are shown as they are. Others may hold a password, as in ``http://user:password@host``."""

_ENTRY = re.compile(
    r"(?:\[(?P<address>[^]]*)\](?P<length>/\d+)?|(?P<host>[^:]*))(?::(?P<port>\d{1,5}))?"
)
_NAME = re.compile(r"(?:\*?\.)?(?P<name>[^\s.:/*?@\[\]]+(?:\.[^\s.:/*?@\[\]]+)*)\.?")


class Proxy(NamedTuple):
    """The variable that names a proxy, and its value with a scheme."""

    variable: str
    url: str


class _Exemption(NamedTuple):
    """What one entry of NO_PROXY exempts: a name with everything below it, or a network; everything if both are None."""

    name: str | None = None
    network: "IPv4Network | IPv6Network | None" = None
    port: int | None = None


def proxy_for(scheme: str, host: str, port: int, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a host, whose name is in ASCII and whose IPv6 address has no brackets; None for none."""
    variable, url = _given(environ, f"{scheme}_proxy", "all_proxy")
    if not url or _is_exempt(host.lower().rstrip("."), port, environ):
        return None
    return Proxy(variable, url if "://" in url else f"http://{url}")


def unreadable_exemptions(environ: Mapping[str, str]) -> list[str]:
    """Return the entries of NO_PROXY that cannot be read, fit to be shown; none where no proxy is set."""
    if not any(_given(environ, f"{scheme}_proxy")[1] for scheme in SCHEMES):
        return []
    return [
        entry if _SHOWABLE.fullmatch(entry) else f"entry {number}"
        for number, entry in enumerate(_entries(environ), 1)
        if _read(entry) is None
    ]


def _given(environ: Mapping[str, str], *names: str) -> tuple[str, str]:
    """Return the first of these variables that has a value, with its value; the lower-case spelling goes first."""
    for name in names:
        for variable in (name, name.upper()):
            if value := environ.get(variable, "").strip():
                return variable, value
    return "", ""


def _entries(environ: Mapping[str, str]) -> list[str]:
    return _given(environ, "no_proxy")[1].replace(",", " ").split()


def _is_exempt(host: str, port: int, environ: Mapping[str, str]) -> bool:
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_covers(one, host, address, port) for one in _exemptions(environ))


def _exemptions(environ: Mapping[str, str]) -> Iterator[_Exemption]:
    for entry in _entries(environ):
        exemption = _read(entry)
        if exemption is not None:
            yield exemption


def _covers(
    one: _Exemption, host: str, address: "IPv4Address | IPv6Address | None", port: int
) -> bool:
    if one.port not in {None, port}:
        return False
    if one.network is not None:
        return address is not None and address in one.network
    return one.name is None or f".{host}".endswith(f".{one.name}")


def _read(entry: str) -> _Exemption | None:
    """Read one entry; return None if it cannot be read."""
    if entry == "*":
        return _Exemption()
    # An IPv6 address without brackets would be taken for a name with a port.
    network = _network(entry)
    match = _ENTRY.fullmatch(entry)
    if network is not None or match is None:
        return _Exemption(network=network) if network else None
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port <= MAX_PORT:
        return None
    if match["address"] is not None:
        network = _network(match["address"] + (match["length"] or ""))
        return _Exemption(network=network, port=port) if network else None
    network = _network(match["host"])
    name = None if network else _name(match["host"])
    return _Exemption(name, network, port) if name or network else None


def _name(text: str) -> str | None:
    """Parse a name, without a leading dot or ``*.``; return it in ASCII."""
    match = _NAME.fullmatch(text)
    try:
        return match and match["name"].encode("idna").decode().lower()
    except UnicodeError:
        return None


def _address(text: str) -> "IPv4Address | IPv6Address | None":
    """Parse an address, without its zone; an IPv4 address that is written as IPv6 is an IPv4 address."""
    from ipaddress import IPv6Address, ip_address  # Where no proxy is set, nothing needs it.

    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _network(text: str) -> "IPv4Network | IPv6Network | None":
    """Parse an address or a range; bits behind the prefix do not matter."""
    from ipaddress import ip_network

    base, slash, length = text.partition("/")
    address = _address(base)
    if address is None or (slash and not length.isdigit()):
        return None
    try:
        return ip_network(f"{address}/{length}" if slash else str(address), strict=False)
    except ValueError:
        return None
