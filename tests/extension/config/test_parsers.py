from hypothesis import given, strategies as st

from extension.config.parsers import read_sink


@given(text=st.text(max_size=40))
def test_sink_is_accepted_as_written_or_refused(text: str) -> None:
    """The accepted and refused values of every setting are in test_settings.py."""
    try:
        assert read_sink(text).startswith(text)
    except ValueError:
        return
