from datetime import datetime, timezone

import pytest
from hypothesis import given, strategies as st

from extension.model.timestamps import epoch_ns


@pytest.mark.parametrize(
    ("time", "ns"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2022-10-12T00:00:15.064Z", 1_665_532_815_064_000_000),
        ("2022-10-12T00:00:15.064123Z", 1_665_532_815_064_123_000),
        ("2022-10-12T00:00:15Z", 1_665_532_815_000_000_000),
        ("1969-12-31T23:59:59.999Z", -1_000_000),
        ("", None),
        ("soon", None),
        ("2022-10-12T25:00:00.000Z", None),
    ],
)
def test_epoch_ns_reads_lambdas_times(time: str, ns: int | None) -> None:
    """As Lambda writes them, with milliseconds or microseconds; what is no time is none."""
    assert epoch_ns(time) == ns


@given(
    moment=st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1))  # noqa: DTZ001 - UTC is added
)
def test_epoch_ns_loses_no_microsecond(moment: datetime) -> None:
    """Floating point is not used on the way."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}Z"

    ns = epoch_ns(text)

    assert ns is not None
    back = datetime.fromtimestamp(ns // 1_000_000_000, timezone.utc)
    assert back.replace(tzinfo=None, microsecond=ns // 1000 % 1_000_000) == moment


@given(text=st.text(max_size=40))
def test_epoch_ns_reads_any_text(text: str) -> None:
    """What a record holds as its time need not be one."""
    ns = epoch_ns(text)

    assert ns is None or isinstance(ns, int)
