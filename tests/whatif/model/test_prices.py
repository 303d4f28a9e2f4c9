import pytest

from whatif.model.prices import GB, SINKS, Volume, month_factor, usd_of


def test_cloudwatch_costs_its_list_price() -> None:
    """A GB costs 50 cents, or 25 in the class for infrequent access, and its compressed size is stored."""
    volume = Volume(GB, 0.0, 0.1, 0)

    assert usd_of(volume, "cloudwatch") == pytest.approx(0.50 + 0.1 * 0.03)
    assert usd_of(volume, "cloudwatch-ia") == pytest.approx(0.25 + 0.1 * 0.03)


def test_s3_costs_requests_and_storage() -> None:
    """A thousand objects cost half a cent; what lies there is compressed."""
    volume = Volume(0.0, GB, 0.1, 1000)

    assert usd_of(volume, "s3") == pytest.approx(0.005 + 0.1 * 0.023)


def test_firehose_rounds_each_record_up() -> None:
    """Small deliveries are billed for more than they hold."""
    few = usd_of(Volume(0.0, GB, 0.0, 1), "firehose")
    many = usd_of(Volume(0.0, GB, 0.0, 1_000_000), "firehose")

    assert few == pytest.approx(0.029, rel=0.05)
    assert many == pytest.approx(0.029 * (1 + 1e6 * 2560 / GB))


@pytest.mark.parametrize("sink", SINKS)
def test_no_deliveries_cost_nothing(sink: str) -> None:
    """A rate of 0 on a healthy log is free."""
    assert usd_of(Volume(0.0, 0.0, 0.0, 0), sink) == 0


def test_month_factor_needs_an_hour_of_log() -> None:
    """A shorter log says nothing of a month."""
    assert month_factor(3599) is None
    assert month_factor(86_400) == 30
