"""Load httpx and httpcore without what a sender of logs never uses.

Whole, both take 77 ms of a processor beyond what the package has loaded, and with these stand-ins 21 ms (CPython 3.13). Left
out are httpx's client, cookies, mail, URL openers, event loops, HTTP/2, SOCKS, file uploads, and logging, which nobody here
configures. TLS and the tables for foreign names come with the first host that needs them.
"""

from _socket import AF_INET, AF_INET6, inet_pton
from collections.abc import Callable
from importlib import import_module
from typing import TypeVar

from extension.stand_ins import Placeholder, StandIns, load

_T = TypeVar("_T")


class _Logger:
    """The logger of a library: nobody reads it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802 - the standard library's name
        """Tell that no level is logged."""
        return False

    def info(self, *_: object) -> None:
        """Log nothing."""

    debug = info


def _as_it_is(**_options: object) -> Callable[[type[_T]], type[_T]]:
    """Stand in for a dataclass of h11, which writes its own ``__init__`` and is neither compared nor hashed."""
    return lambda kind: kind


def _is_not(_value: object) -> bool:
    """Stand in for a question of what is asynchronous: nothing is."""
    return False


def _later(module: str, name: str) -> Callable[..., object]:
    """Return a function that is looked up in its module when it is called."""

    def call(*values: object, **named: object) -> object:
        function: Callable[..., object] = getattr(import_module(module), name)
        return function(*values, **named)

    return call


def _ipv4_address(text: str) -> None:
    """Raise OSError for what is no address, which is all that a URL is asked."""
    inet_pton(AF_INET, text)


def _ipv6_address(text: str) -> None:
    """Raise OSError for what is no address. A zone may stand behind it (RFC 6874)."""
    inet_pton(AF_INET6, text.partition("%")[0])


class _SyncByteStream:
    """As httpx's own: the base of what has a body."""

    def close(self) -> None:
        """Release nothing."""


class _AsyncByteStream:
    """As httpx's own: the base of bodies for event loops."""


def _named(names: str) -> dict[str, object]:
    return dict.fromkeys(names.split(), Placeholder)


def _star(names: str) -> dict[str, object]:
    return {"__all__": names.split(), **_named(names)}


_EVENT_LOOPS = "AsyncConnectionInterface AsyncConnectionPool AsyncHTTP2Connection AsyncHTTP11Connection AsyncHTTPConnection AsyncHTTPProxy AsyncSOCKSProxy"

_URL_FUNCTIONS = ("parse_qs", "unquote", "urlencode")
_TYPES = "AuthTypes CertTypes CookieTypes FileContent FileTypes HeaderTypes PrimitiveData ProxyTypes QueryParamTypes RequestContent RequestData RequestExtensions RequestFiles ResponseContent ResponseExtensions TimeoutTypes"

HTTPX: StandIns = {
    "base64": {"b64encode": _later("base64", "b64encode")},
    "http": {"__path__": []},
    "http.cookiejar": _named("Cookie CookieJar"),
    "urllib.parse": {name: _later("urllib.parse", name) for name in _URL_FUNCTIONS},
    "urllib.request": _named("Request parse_http_list getproxies"),
    "email": {"__path__": []},
    "email.message": {},
    "inspect": {"isgenerator": _is_not, "isasyncgen": _is_not},
    "ipaddress": {
        "IPv4Address": _ipv4_address,
        "IPv6Address": _ipv6_address,
        "AddressValueError": OSError,
    },
    "idna": {},
    "brotli": None,
    "brotlicffi": None,
    "zstandard": None,
    "httpx._api": _star("delete get head options patch post put request stream"),
    "httpx._auth": _star("Auth BasicAuth DigestAuth NetRCAuth"),
    "httpx._client": _star("USE_CLIENT_DEFAULT AsyncClient Client"),
    "httpx._main": _named("main"),
    "httpx._multipart": _named("MultipartStream get_multipart_boundary_from_content_type"),
    "httpx._status_codes": _star("codes"),
    "httpx._transports.asgi": _star("ASGITransport"),
    "httpx._transports.mock": _star("MockTransport"),
    "httpx._transports.wsgi": _star("WSGITransport"),
    "httpx._types": {
        **_named(_TYPES),
        "__all__": ["AsyncByteStream", "SyncByteStream"],
        "AsyncByteStream": _AsyncByteStream,
        "SyncByteStream": _SyncByteStream,
    },
}
"""What httpx imports at its top. Of itself its transport is used, with a request and an answer, and not its client."""

HTTPCORE: StandIns = {
    "base64": {},
    "anyio": None,
    "trio": None,
    "h2": None,
    "socksio": None,
    "certifi": {},
    "dataclasses": {"dataclass": _as_it_is},
    "inspect": {"iscoroutine": _is_not},
    "logging": {"getLogger": _Logger, "DEBUG": 10, **_named("Logger")},
    "ssl": _named("SSLContext"),
    "urllib.parse": {},
    "httpcore._async": _named(_EVENT_LOOPS),
    "httpcore._backends.mock": _named("AsyncMockBackend AsyncMockStream MockBackend MockStream"),
    "httpcore._backends.trio": _named("TrioBackend"),
}
"""What httpcore and h11 import at their tops."""


SOCKET: StandIns = {"selectors": {}}
"""What ``socket`` imports for sending files."""


def load_libraries() -> None:
    """Import httpx and httpcore, and ``socket`` for both, unless they are loaded already.

    Raises:
        ImportError: one cannot be imported, for want of a file descriptor.
    """
    load("socket", SOCKET)
    load("httpx", HTTPX)
    load("httpcore", HTTPCORE)
