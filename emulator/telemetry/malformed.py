"""Make broken batches, for extensions that must survive them."""

from collections.abc import Sequence

from emulator.model.variations import Garbage


def garbage_body(kind: Garbage, events: Sequence[bytes], *, max_bytes: int) -> bytes:
    """Make one broken body.

    Args:
        kind: The kind of breakage.
        events: The encoded events of the real batch that follows; ``truncated`` is cut from them.
        max_bytes: The subscription's bound; ``huge`` is more than twice that, which AWS documents as possible.
    """
    moment = b'"time":"2022-10-12T00:00:00.000Z"'
    if kind == "non_json":
        return b"this is not JSON {["
    if kind == "non_utf8":
        return b"[{" + moment + b',"type":"function","record":"\xff\xfe\x80 not UTF-8"}]'
    if kind == "empty_array":
        return b"[]"
    if kind == "huge":
        filler = b"x" * (2 * max_bytes + 1024)
        return b"[{" + moment + b',"type":"platform.filler","record":"' + filler + b'"}]'
    if kind == "truncated":
        whole = b"[" + b",".join(events) + b"]"
        return whole[: max(1, len(whole) * 2 // 3)]
    records = [b"1", b"null", b"true", b"[1,2]", b'"text"', b'{"nested":{"deep":[{}]}}']
    body = [b"{" + moment + b',"type":"platform.unheardOf","record":' + r + b"}" for r in records]
    body += [b"{" + moment + b',"type":7,"record":null}', b"{}", b"17", b"null", b'"bare"', b"[[]]"]
    body.append(b'{"time":12,"type":"platform.start","record":"not an object"}')
    return b"[" + b",".join(body) + b"]"
