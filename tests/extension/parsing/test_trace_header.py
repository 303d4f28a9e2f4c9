"""X-Ray's trace header, as Lambda passes it."""

import pytest

from extension.parsing.trace_header import span_id_of, trace_id_of

TRACE_ID = "1-5f35ae12-0c0fec141ab77a00bc047aa2"
ROOT = f"Root={TRACE_ID}"
SPAN_ID = "2be948a625588e32"


@pytest.mark.parametrize(
    ("header", "trace_id", "span_id"),
    [
        (f"{ROOT};Parent=2be948a6;Sampled=1", TRACE_ID, ""),
        (f"Sampled=0;Root={TRACE_ID.upper()}", TRACE_ID, ""),
        (f"Parent=1; {ROOT};Lineage=x", TRACE_ID, ""),
        (ROOT[:-4], "", ""),
        (f"Self={TRACE_ID}", "", ""),
        ("", "", ""),
        (f"{ROOT};Parent={SPAN_ID.upper()}", TRACE_ID, SPAN_ID),
        (f"Parent={SPAN_ID};Root=x", "", SPAN_ID),
    ],
)
def test_ids_are_found_anywhere_in_the_header(header: str, trace_id: str, span_id: str) -> None:
    """Fields come in any order, and an id that is not well formed is no id; both are in lower case."""
    assert (trace_id_of(header), span_id_of(header)) == (trace_id, span_id)
