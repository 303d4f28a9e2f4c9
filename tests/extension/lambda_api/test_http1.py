import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from extension.lambda_api.http1 import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    MalformedMessageError,
    Message,
    MessageReader,
    RefusedMessageError,
    request,
)

pytestmark = pytest.mark.every_python

BATCH = b'POST / HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 9\r\n\r\n[{"a":1}]'
CHUNKED = (
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4\r\n[{}]\r\nA;name=value\r\n0123456789\r\n0\r\n\r\n"
)
EMPTY = b"GET /next HTTP/1.1\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK"


def read(*pieces: bytes) -> list[Message]:
    reader = MessageReader()
    return [message for piece in pieces for message in reader.feed(piece)]


def told(messages: list[Message]) -> list[tuple[bytes, bytes, int]]:
    return [(message.start, message.body, message.body_bytes) for message in messages]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    at = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(at)]


@given(
    messages=st.lists(st.sampled_from([BATCH, CHUNKED, EMPTY, ANSWER]), min_size=1, max_size=6),
    places=st.lists(st.integers(min_value=0, max_value=2000), max_size=12),
)
def test_any_cut_of_the_stream_gives_the_same_messages(
    messages: list[bytes], places: list[int]
) -> None:
    """However the network cuts the stream, the same messages come out, in order."""
    stream = b"".join(messages)

    pieces = read(*cut(stream, places))

    assert told(pieces) == told(read(stream))
    assert len(pieces) == len(messages)


@given(chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=8), data=st.data())
def test_chunks_are_joined_byte_for_byte(chunks: list[bytes], data: st.DataObject) -> None:
    """A chunked body is what its chunks hold, whatever bytes those are and however they are cut."""
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    stream = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))

    messages = read(*cut(stream, places))

    assert told(messages) == [(b"POST / HTTP/1.1", b"".join(chunks), sum(map(len, chunks)))]


def test_reader_completes_a_message_with_its_last_byte() -> None:
    """Even a byte at a time, a message is complete with its last byte and not before."""
    for stream in (BATCH, CHUNKED, EMPTY, ANSWER):
        reader = MessageReader()

        early = [reader.feed(stream[at : at + 1]) for at in range(len(stream) - 1)]

        assert not any(early)
        assert told(reader.feed(stream[-1:])) == told(read(stream))
        assert told(reader.feed(BATCH)) == told(read(BATCH))


def test_header_names_are_lower_case_and_values_bare() -> None:
    """Headers are found whatever their case, and without the space around their value."""
    (message,) = read(
        b"HTTP/1.1 200 OK\r\nLAMBDA-Extension-Identifier:  abc \r\nContent-Length: 0\r\n\r\n"
    )

    assert message.headers == {b"lambda-extension-identifier": b"abc", b"content-length": b"0"}


def test_an_answer_may_end_with_the_connection() -> None:
    """An answer without a length is what came until the peer closed."""
    reader = MessageReader()

    early = [
        *reader.feed(b"HTTP/1.1 500 No\r\n\r\n"),
        *reader.feed(b"half "),
        *reader.feed(b"said"),
    ]
    last = reader.end_of_stream()

    assert early == []
    assert last is not None
    assert (last.status, last.body) == (500, b"half said")
    assert told(reader.feed(BATCH)) == told(read(BATCH))


@pytest.mark.parametrize("status", [204, 304])
def test_answers_that_have_no_body_end_with_their_head(status: int) -> None:
    """204 and 304 have no body, so nothing is waited for (RFC 9112, section 6.3)."""
    (message,) = read(b"HTTP/1.1 %d Nothing\r\n\r\n" % status)

    assert message.status == status


@pytest.mark.parametrize("half", [b"", b"POST / HT", BATCH[:-1], CHUNKED[:-1]])
def test_a_connection_that_ends_early_leaves_no_message(half: bytes) -> None:
    """What was cut off by the end of the connection is no message."""
    reader = MessageReader()

    assert reader.feed(half) == []
    assert reader.end_of_stream() is None


NEXT_HEADS = [
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nX: y\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nX: y\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nX: yes\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\nX: y\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: many\r\nX: y\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length:   3 \r\nX: y\r\n\r\n",
    b"POST /other HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nX: y\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nX-Content-Length: 9\r\nX: y\r\n\r\n",
]


@pytest.mark.parametrize("later", NEXT_HEADS)
@pytest.mark.parametrize("first", NEXT_HEADS)
def test_head_is_read_alike_behind_any_other(first: bytes, later: bytes) -> None:
    """A head that differs from the last one in its length alone is not parsed again; no other may be taken for one."""
    reader, alone = MessageReader(), MessageReader()
    reader.feed(first)
    reader.feed(bytes(reader.wanted_bytes) or b"0\r\n\r\n" * (b"chunked" in first))

    messages, expected = reader.feed(later), alone.feed(later)

    assert told(messages) == told(expected)
    assert reader.wanted_bytes == alone.wanted_bytes
    assert [one.headers for one in messages] == [one.headers for one in expected]


def test_head_like_the_last_one_is_refused_once_its_target_is_none() -> None:
    """On Managed Instances the root is accepted until the path has been named."""
    targets = {b"/path", b"/"}
    reader = MessageReader(targets)
    head = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    reader.feed(head)

    targets.discard(b"/")

    with pytest.raises(RefusedMessageError):
        reader.feed(head)


def test_reader_knows_how_much_is_still_to_come() -> None:
    """The length announced, less what has come, is known, so that a reader can ask for that much."""
    reader = MessageReader()

    reader.feed(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n0123456789")

    assert reader.wanted_bytes == 990


@pytest.mark.parametrize("size", [MAX_BODY_BYTES - 1, MAX_BODY_BYTES])
def test_a_body_up_to_the_bound_is_held(size: int) -> None:
    """The bound itself is still held."""
    (message,) = read(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size, b"x" * size)

    assert (len(message.body), message.body_bytes) == (size, size)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_larger_body_is_counted_and_not_held(chunked: bool) -> None:
    """A body beyond the bound is read to its end and counted, and what follows is read as usual."""
    piece = b"x" * (1024 * 1024)
    reader = MessageReader()
    if chunked:
        reader.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        pieces = [b"100000\r\n%s\r\n" % piece] * 5 + [b"0\r\n\r\n"]
    else:
        reader.feed(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (5 * len(piece)))
        pieces = [piece] * 5

    messages = [message for one in pieces for message in reader.feed(one)]
    messages += reader.feed(BATCH)

    assert [(message.body, message.body_bytes) for message in messages] == [
        (b"", 5 * len(piece)),
        (b'[{"a":1}]', 9),
    ]


def test_chunks_of_a_byte_cost_no_more_than_their_bytes() -> None:
    """An object for each chunk would cost forty times as much as the body may hold."""
    reader = MessageReader()
    reader.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"1\r\nx\r\n" * 1000
    tracemalloc.start()

    for _ in range(50):
        reader.feed(piece)

    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reader.held_bytes == 50_000
    assert held < 2 * 50_000


def test_a_length_beside_chunks_means_nothing() -> None:
    """RFC 9112, section 6.3: whoever sends both means the chunks."""
    stream = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n", 1)

    assert [message.body for message in read(stream)] == [b"[{}]0123456789"]


@given(places=st.lists(st.integers(min_value=0, max_value=2000), max_size=12))
def test_a_request_to_another_target_is_refused_however_it_is_cut(places: list[int]) -> None:
    """The messages before it are whole, and nothing behind its first line is read."""
    reader = MessageReader({b"/"})
    stream = BATCH + CHUNKED + b"GET /next HTTP/1.1\r\n" + BATCH
    last = len(BATCH + CHUNKED) + len(b"GET /next HTTP/1.1\r\n")
    places = [place % last for place in places]

    messages = [
        message for piece in cut(stream[: last - 1], places) for message in reader.feed(piece)
    ]

    assert told(messages) == told(read(BATCH + CHUNKED))
    assert reader.has_accepted
    with pytest.raises(RefusedMessageError):
        reader.feed(stream[last - 1 :])


def test_reader_tells_what_it_holds() -> None:
    """A head that is not whole is held, then a body that is not whole, and nothing of a message that is."""
    reader = MessageReader()
    held = []

    for piece in (BATCH[:20], BATCH[20:-4], BATCH[-4:]):
        reader.feed(piece)
        held.append(reader.held_bytes)

    assert held == [20, 5, 0]


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"\r\n\r\n", id="empty"),
        pytest.param(b"{}" * MAX_HEAD_BYTES, id="no end"),
        pytest.param(CHUNKED.replace(b"4\r\n", b"four\r\n"), id="chunk size in words"),
        pytest.param(CHUNKED.replace(b"4\r\n", b"-4\r\n"), id="chunk size below zero"),
        pytest.param(CHUNKED[:-2] + b"Trailer: 1\r\n" * MAX_HEAD_BYTES, id="trailers without end"),
        pytest.param(CHUNKED[:48] + b"1" * (MAX_HEAD_BYTES + 1), id="chunk size without end"),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: %s\r\n\r\n" % (b"9" * 5000),
            id="length beyond reading",
        ),
        pytest.param(
            b"HTTP/1.1 %s OK\r\nContent-Length: 0\r\n\r\n" % (b"2" * 5000),
            id="status beyond reading",
        ),
        pytest.param(
            b" HTTP/1.1 %s OK\r\nContent-Length: 0\r\n\r\n" % (b"2" * 19),
            id="status beyond reading behind a blank",
        ),
    ],
)
def test_reader_refuses_a_stream_that_is_no_http(garbage: bytes) -> None:
    """Bytes that cannot be HTTP/1.1 raise this module's own error and no other."""
    size = len(garbage) // 3

    with pytest.raises(MalformedMessageError):
        read(garbage)
    with pytest.raises(MalformedMessageError):
        read(garbage[:size], garbage[size : 2 * size], garbage[2 * size :])


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_head_too_long_is_refused_however_it_is_cut(pieces: int) -> None:
    """The bound on a head does not depend on whether it came in one read."""
    stream = b"GET / HTTP/1.1\r\nCookie: %s\r\n\r\n" % (b"x" * MAX_HEAD_BYTES)
    size = -(-len(stream) // pieces)

    with pytest.raises(MalformedMessageError):
        read(*(stream[at : at + size] for at in range(0, len(stream), size)))


def test_trailers_are_passed_over() -> None:
    """Fields behind the last chunk end with an empty line, and are not looked at."""
    (message,) = read(CHUNKED[:-2] + b"Checksum: 12\r\n\r\n")

    assert message.body == b"[{}]0123456789"


@given(garbage=st.binary(max_size=300), places=st.lists(st.integers(0, 300), max_size=4))
def test_garbage_raises_nothing_else(garbage: bytes, places: list[int]) -> None:
    """Any bytes give messages or the one error."""
    try:
        messages = read(*cut(garbage, places))
    except MalformedMessageError:
        return

    assert all(isinstance(message.status, int) for message in messages)


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"HTTP/1.1 200 OK", 200),
        (b"HTTP/1.1 403", 403),
        (b"HTTP/1.1 OK", 0),
        (b"HTTP/1.1", 0),
        (b"POST / HTTP/1.1", 0),
        (b"POST /0123456789abcdef0123456789abcdef HTTP/1.1", 0),
        (b"XHTTP/1.1 %s OK" % (b"2" * 19), 0),
    ],
)
def test_the_status_of_an_answer(start: bytes, status: int) -> None:
    """The status is a number, and 0 where there is none."""
    assert Message(start, b"").status == status


def test_writes_a_request_that_it_reads_back() -> None:
    """A written request has the host, its headers and the length of its body."""
    written = request("PUT", "/logs", host="127.0.0.1:9001", headers={"Name": "value"}, body=b"{}")

    (message,) = read(written)
    assert message.start == b"PUT /logs HTTP/1.1"
    assert message.headers == {
        b"host": b"127.0.0.1:9001",
        b"name": b"value",
        b"content-length": b"2",
    }
    assert message.body == b"{}"


def test_a_get_has_no_length() -> None:
    """Next has no body, and says nothing of one."""
    written = request("GET", "/next", host="h:1", headers={})

    assert written == b"GET /next HTTP/1.1\r\nHost: h:1\r\n\r\n"
