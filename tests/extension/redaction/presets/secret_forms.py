"""Secrets in the forms in which loggers, languages and services write them.

Each name and each kind of secret stands in each form. ``tests/data/secret-forms.ndjson`` has forms that stand once.
"""

import json
import urllib.parse
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple


class Case(NamedTuple):
    """A record, the secrets in it that must not leave, and what must stay."""

    group: str
    record: Any
    secrets: tuple[str, ...]
    keep: tuple[str, ...] = ("kept",)


VALUE, TOKEN, BASIC = "hunter2!Xy", "VI2XQWhX1ssrKrxqVqmCplppjs46LmuezqpGHoPZ", "dXNlcjpwYXNz"

TEXT_FORMS = (
    *("{'NAME': 'VALUE', 'k': 'kept'}", "map[NAME:VALUE k:kept]", "{NAME=VALUE, k=kept}"),
    *('{"NAME"=>"VALUE", "k"=>"kept"}', '{:NAME=>"VALUE", :k=>"kept"}', "NAME: VALUE\nk: kept"),
    *(
        "k=kept&NAME=VALUE&z=1",
        "/p?k=kept&NAME=VALUE&z=1",
        'NAME="VALUE" k=kept',
        "[NAME] => VALUE\n[k] => kept",
    ),
    *("body=%7B%22NAME%22%3A%22VALUE%22%2C%22k%22%3A%22kept%22%7D", "q=NAME%3DVALUE%26k%3Dkept"),
    *("<NAME>VALUE</NAME><k>kept</k>", '<input name="NAME" value="VALUE"/> kept'),
    '["NAME"]=>\n  string(40) "VALUE"\n  ["k"]=>\n  string(4) "kept"',
    'Content-Disposition: form-data; name="NAME"\r\n\r\nVALUE\r\n--b\r\nkept',
    '{"a":"{\\"NAME\\":\\"VALUE\\",\\"k\\":\\"kept\\"}"',
    "{'name': 'NAME', 'value': 'VALUE', 'k': 'kept'}",
    "- name: NAME\n  value: VALUE\n- name: k\n  value: kept",
)
JSON_FORMS = (
    *('{"NAME": "VALUE", "k": "kept"}', '{"NAME": {"value": "VALUE"}, "k": "kept"}'),
    *('{"NAME": ["VALUE"], "k": "kept"}', '{"value": "VALUE", "name": "NAME", "k": "kept"}'),
    '{"l": [{"name": "NAME", "value": "VALUE"}, {"name": "k", "value": "kept"}]}',
    '{"l": [{"Key": "NAME", "Value": "VALUE"}, {"Key": "k", "Value": "kept"}]}',
)
NAMES = {
    TOKEN: (
        "token credentials private_key privateKey AccountKey SharedAccessKey sig secret client_secret clientSecret api_key"
        " apiKey x-api-key access_token refreshToken id_token csrfToken GITHUB_TOKEN auth_token secret_key SecretString"
        " encryption_key jwt_secret session_token"
    ),
    VALUE: (
        "pass DB_PASS dbPass passwort password PASSWORD dbPassword password_confirmation new_password passwd pwd passphrase"
    ),
    "4711": "pin userPin",
    "471": "cvv card_cvv cvc",
    "471100": "otp",
}

WRAPPERS = (
    *(
        "b'VALUE'",
        "u'VALUE'",
        "['VALUE']",
        "{'S': 'VALUE'}",
        "[b'VALUE']",
        "('VALUE',)",
        "SecretStr('VALUE')",
        "r'VALUE'",
    ),
    *(
        'Secret("VALUE")',
        'Some("VALUE")',
        'Some(Secret("VALUE"))',
        'Optional("VALUE")',
        'Optional(Optional("VALUE"))',
    ),
    *(
        "{'S': {'S': 'VALUE'}}",
        '{"S": "VALUE"}',
        "{'value': b'VALUE'}",
        "[ 'VALUE' ]",
        "[String: 'VALUE']",
        'Just "VALUE"',
    ),
    *(
        'String("VALUE")',
        '@"VALUE"',
        "`VALUE`",
        '[]string{"VALUE"}',
        '(*string)(0xc000010240)((len=10) "VALUE")',
    ),
    *(
        '(string) (len=10) "VALUE"',
        '&"VALUE"',
        'SecretString("VALUE")',
        'Ok("VALUE")',
        "{ S: 'VALUE' }",
    ),
    '#<Secret value="VALUE">',
)
WRAPPED = (
    *(
        "{'password': WRAPPED, 'k': 'kept'}",
        "Config { password: WRAPPED, k: 'kept' }",
        "password=WRAPPED k=kept",
    ),
    *(
        "User{Password:WRAPPED, k:kept}",
        '{"password" => WRAPPED, "k" => "kept"}',
        "password: WRAPPED\nk: kept",
    ),
)

HEADERS = {
    "Authorization": f"Basic {BASIC}",
    "authorization": f"Basic {BASIC}",
    "Proxy-Authorization": f"Basic {BASIC}",
    "X-Api-Key": TOKEN,
    "x-api-key": TOKEN,
    "Cookie": f"sid={TOKEN}; theme=dark",
    "cookie": f"sid={TOKEN}; theme=dark",
}
HEADER_FORMS = (
    "rawHeaders: [\n  'NAME',\n  'VALUE',\n  'Host',\n  'kept'\n]",
    "send: b'GET / HTTP/1.1\\r\\nNAME: VALUE\\r\\nHost: kept\\r\\n'",
    *(
        "> NAME: VALUE\n> Host: kept",
        "{NAME=[VALUE], Host=[kept]}",
        "{'NAME': [ 'VALUE' ], Host: [ 'kept' ]}",
    ),
    *(
        'http.Header{"NAME":[]string{"VALUE"}, "Host":[]string{"kept"}}',
        '{"NAME"=>"VALUE", "Host"=>"kept"}',
    ),
    *('HeaderMap { inner: {"NAME": "VALUE", "host": "kept"} }', '[NAME:"VALUE", Host:"kept"]'),
    *("Array\n(\n    [NAME] => VALUE\n    [Host] => kept\n)", "curl -H 'NAME: VALUE' https://kept"),
)

_HEX = "6c87009e8a7f770d9106fd287db7f1adbc60926f6967e7893f57fd14c1604d11"
_LONG = "BTW5ZE9LFaez7770H2DCpYgojjHRg80USP2W5DfJXcaYioK6VI2XQWhX1ssrKrxqVq"
VENDOR_TOKENS = (
    *(
        f"ghp_{_LONG[:36]}",
        f"gho_{_LONG[:36]}",
        f"ghs_{_LONG[:36]}",
        f"github_pat_{_LONG[:22]}_{_LONG[:59]}",
    ),
    *(
        f"glpat-{_LONG[:20]}",
        f"gldt-{_LONG[:20]}",
        f"glrt-{_LONG[:20]}",
        f"glpat-{_LONG[:27]}.01.0w1abcdef",
    ),
    *(
        f"xoxb-724920868288-909310025167-{_LONG[:24]}",
        f"xoxp-1-2-3-{_LONG[:32]}",
        f"xapp-1-A01-123-{_LONG[:40]}",
    ),
    "https://hooks.slack.com/services/TVEqZe2qp/BUWnoVPDF/2yeE6RsXcNOPmeMjvqPVStNK",
    *(
        f"sk_live_{_LONG[:24]}",
        f"rk_live_{_LONG[:24]}",
        f"sk_test_{_LONG[:24]}",
        f"whsec_{_LONG[:32]}",
    ),
    *(f"AIza{_LONG[:35]}", f"GOCSPX-{_LONG[:28]}", f"ya29.a0{_LONG[:60]}", f"1//0g{_LONG}"),
    *(
        f"npm_{_LONG[:36]}",
        f"pypi-AgEIcHlwaS5vcmc{_LONG}",
        f"rubygems_{_HEX[:48]}",
        f"dckr_pat_{_LONG[:27]}",
    ),
    *(f"SG.{_LONG[:22]}.{_LONG[:43]}", f"SK{_HEX[:32]}", f"key-{_HEX[:32]}", f"{_HEX[:32]}-us12"),
    *(
        f"sk-{_LONG[:48]}",
        f"sk-proj-{_LONG[:48]}",
        f"sk-ant-api03-{_LONG}",
        f"sk-or-v1-{_HEX}",
        f"gsk_{_LONG[:52]}",
    ),
    *(f"hf_{_LONG[:34]}", f"xai-{_LONG}", f"r8_{_LONG[:37]}", f"dop_v1_{_HEX}", f"dapi{_HEX[:32]}"),
    *(
        f"shpat_{_HEX[:32]}",
        f"shpss_{_HEX[:32]}",
        f"sq0atp-{_LONG[:22]}",
        f"sq0csp-{_LONG[:43]}",
        f"EAAAl{_LONG}",
    ),
    *(
        f"1234567890:AA{_LONG[:33]}",
        f"hvs.{_LONG[:24]}",
        f"glsa_{_LONG[:32]}_{_HEX[:8]}",
        f"abc8Q~{_LONG[:34]}",
    ),
    *(
        f"NRAK-{_LONG[:27].upper()}",
        f"PMAK-{_HEX[:24]}-{_HEX[:34]}",
        f"lin_api_{_LONG[:40]}",
        f"figd_{_LONG[:40]}",
    ),
    *(
        f"ATATT3xFfGF0{_LONG}",
        f"sntrys_{_LONG}",
        f"pul-{_HEX[:40]}",
        f"dp.pt.{_LONG[:43]}",
        f"sbp_{_HEX[:40]}",
    ),
    *(
        f"xkeysib-{_HEX}-{_LONG[:16]}",
        f"ntn_{_LONG[:46]}",
        f"MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.{_LONG[:27]}",
    ),
    f"https://discord.com/api/webhooks/123456789012345678/{_LONG}",
)
_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxNyJ9.Jhx2jIclHkCiHp6bR1IqfEouHgxzNNAL5wIScGebcy8"
JSON_WEB_TOKENS = (
    *(_JWT, _JWT.rpartition(".")[0], "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxNyJ9"),
    "ewogICJhbGciOiAiSFMyNTYifQ.eyJzdWIiOiIxNyJ9.O6SQ1IEE1HSa2bB9UoK4tYnzNLeK6kjcbhgN7kwjSbb",
    *(
        "ew0KICJhbGciOiAiSFMyNTYifQ.eyJzdWIiOiIxNyJ9.O6SQ1IEE1HSa2bB9",
        "eyAiYWxnIjogIkhTMjU2IiB9.eyJzdWIiOiIxNyJ9.O6SQ1",
    ),
)
BARE_FORMS = (
    *(
        "calling with VALUE kept",
        "t=VALUE&k=kept",
        "url=https://x/?q=VALUE&k=kept",
        "'VALUE' kept",
        "\\nVALUE\\n kept",
    ),
    *(
        "kept:VALUE",
        "%3DVALUE%26kept",
        "(VALUE) kept",
        "<VALUE> kept",
        "\x1b[31mVALUE\x1b[0m kept",
        "%22VALUE%22 kept",
    ),
)

URLS = (
    *(
        "POSTGRES://u:VALUE@h/d",
        "smtp://u@x.org:VALUE@h:25",
        "jdbc:oracle:thin:u/VALUE@h:1521/x",
        "redis://:VALUE@h:6379/0",
    ),
    *(
        "amqps://u:VALUE@h/v",
        "mongodb+srv://u:VALUE@h1,h2/db?x=1",
        "postgres%3A%2F%2Fu%3AVALUE%40h%2Fd",
        "ftp://u:VALUE@h",
    ),
    *(
        "https://u:p@ssVALUE@h/x",
        "postgres://u:pa/VALUE@h/d",
        "https:\\/\\/u:VALUE@h\\/d",
        "HTTPS://U:VALUE@H",
    ),
)
URL_FORMS = ("to VALUE kept", "'VALUE' kept", "(VALUE) kept", "url=VALUE kept")

EMAILS = (
    *(
        "a.b@example.com",
        "a.b+t@example.co.uk",
        "user@münchen.de",
        "user@xn--mnchen-3ya.de",
        "jörg@example.com",
        "u@a-b.io",
    ),
    *(
        '"a b"@example.com',
        "a.b%40example.com",
        "a.b%2540example.com",
        "root@localhost",
        "a@b.travelersinsurance",
    ),
    *(
        "o'hara@example.com",
        "почта@пример.рф",
        "dept/x@example.com",
        "a#b@example.com",
        "a!b@example.com",
        "用户@例子.公司",
    ),
)
EMAIL_FORMS = (
    *(
        "to VALUE kept",
        "<VALUE>, kept",
        "to=VALUE&k=kept",
        "mailto:VALUE kept",
        "{'to': 'VALUE', 'k': 'kept'}",
        "kept VALUE.",
    ),
    *("[to:VALUE k:kept]", "to\\nVALUE\\nkept"),
)

CARDS = (
    *(
        "4111111111111111",
        "5555555555554444",
        "378282246310005",
        "6011111111111117",
        "3530111333300000",
        "30569309025904",
    ),
    *("2223003122003222", "6304000000000000000", "4222222222222", "6759649826438453"),
)
CARD_GROUPS = (
    ("4111", "1111", "1111", "1111"),
    ("3782", "822463", "10005"),
    ("5555", "5555", "5555", "4444"),
)
CARD_SEPARATORS = (
    *(
        " ",
        "-",
        ".",
        "_",
        "\u00a0",
        "  ",
        "+",
        "%20",
        "\u2011",
        "\u2013",
        "\u2009",
        "\u202f",
        "\t",
        "\n",
        " - ",
        "\u2014",
    ),
    *("\u2212", "%2D", "\\u00a0", "\\n", "&nbsp;"),
)
CARD_FORMS = (
    "card VALUE, kept",
    "{'n': VALUE, 'k': 'kept'}",
    "card=VALUE&k=kept",
    "map[card:VALUE k:kept]",
)

_PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEowgPDcgaE40o1C6xc4sohdmM0Lm7exG3lCMqXXQ8agOMTNwncxvjcnqcMUP6\n"
    "-----END RSA PRIVATE KEY-----"
)
PRIVATE_KEYS = (
    *(
        _PEM,
        _PEM.replace("RSA ", ""),
        _PEM.replace("RSA", "EC"),
        _PEM.replace("RSA", "OPENSSH"),
        _PEM.replace("\n", " "),
    ),
    *(
        _PEM.replace("\n", "\\n"),
        _PEM.replace("\n", "\r\n"),
        _PEM.replace("\n", "\\\\n"),
        urllib.parse.quote(_PEM),
    ),
    *(
        urllib.parse.quote_plus(_PEM),
        _PEM.replace("-----B", "---- B").replace("Y-----\nM", "Y ----\nM"),
    ),
)


def cases() -> Iterator[Case]:
    """Yield all cases."""
    yield from _named()
    yield from _headers()
    for wrapper, form in product(WRAPPERS, WRAPPED):
        yield Case("wrappers", form.replace("WRAPPED", wrapper.replace("VALUE", VALUE)), (VALUE,))
    for token in VENDOR_TOKENS:
        yield from _bare("vendor-tokens", token, BARE_FORMS)
    for token in JSON_WEB_TOKENS:
        yield from _bare("jwt", token, BARE_FORMS)
    for email in EMAILS:
        yield from _bare("emails", email, EMAIL_FORMS if '"' not in email else EMAIL_FORMS[:1])
    for url in (url.replace("VALUE", VALUE) for url in URLS):
        yield from (Case("urls", form.replace("VALUE", url), (VALUE,)) for form in URL_FORMS)
        yield from _as_json("urls", {"u": url, "k": "kept"}, VALUE)
    for card in CARDS:
        yield from _bare("cards", card, CARD_FORMS)
        yield Case("cards", {"n": int(card), "k": "kept"}, (card,))
    for separator, groups in product(CARD_SEPARATORS, CARD_GROUPS):
        yield from _bare("cards", separator.join(groups), CARD_FORMS[:1])
    for key in PRIVATE_KEYS:
        secret = key[key.index("MII") :][:60]
        yield Case("private-keys", f"key {key} kept", (secret,))
        yield from _as_json("private-keys", {"a": key, "k": "kept", "b": key}, secret)


def _named() -> Iterator[Case]:
    for value, names in NAMES.items():
        for name, form in product(names.split(), (*TEXT_FORMS, *JSON_FORMS)):
            filled = form.replace("NAME", name).replace("VALUE", value)
            if form in JSON_FORMS:
                yield from _as_json("names", json.loads(filled), value)
            else:
                yield Case("names", filled, (value,))


def _headers() -> Iterator[Case]:
    for name, value in HEADERS.items():
        secret = BASIC if BASIC in value else TOKEN
        for form in HEADER_FORMS:
            yield Case("headers", form.replace("NAME", name).replace("VALUE", value), (secret,))
        event = {
            "headers": {name: value, "Host": "kept"},
            "multiValueHeaders": {name: [value], "Host": ["kept"]},
        }
        pairs = [(name, value), ("Host", "kept")]
        cloudfront = {"headers": {name.lower(): [{"key": name, "value": value}]}, "host": "kept"}
        for made in (event, cloudfront, {"rawHeaders": [name, value, "Host", "kept"]}, pairs):
            yield from _as_json("headers", made, secret)
            yield Case("headers", str(made), (secret,))


def _bare(group: str, secret: str, forms: tuple[str, ...]) -> Iterator[Case]:
    for form in forms:
        yield Case(group, form.replace("VALUE", secret), (secret,))
    yield from _as_json(group, {"to": secret, "k": "kept"}, secret)


def _as_json(group: str, value: Any, secret: str) -> Iterator[Case]:
    """Yield JSON as an object, as text, with line breaks, in JSON, twice in JSON, and behind a prefix."""
    text = json.dumps(value)
    secrets = (secret, json.dumps(secret)[1:-1])
    yield Case(group, value, secrets[:1])
    for record in (
        text,
        json.dumps(value, indent=2),
        json.dumps(value, ensure_ascii=False),
        f"INFO {text}",
    ):
        yield Case(group, record, secrets)
    yield Case(group, {"message": text}, secrets)
    for record in (
        json.dumps({"m": text}),
        json.dumps({"m": json.dumps({"m": text})}),
        f"INFO {json.dumps({'m': text})}",
    ):
        yield Case(group, record, (secret,))
