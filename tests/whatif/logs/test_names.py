import pytest

from whatif.logs.names import function_of_group, function_of_stream, source_of_path

STREAM = "2026-11-20-[$LATEST]aa"


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("2026/11/20/[$LATEST]aa", ""),
        ("2026/11/20/shop[$LATEST]aa", "shop"),
        ("2026/11/20/shop[7]aa", "shop"),
        ("2026-11-20-shop-eu[7]aa", "shop-eu"),
        ("app.log#1", ""),
        ("", ""),
    ],
)
def test_stream_names_its_function_in_a_shared_group(stream: str, expected: str) -> None:
    """A group of one function's own has streams without its name."""
    assert function_of_stream(stream) == expected


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("/aws/lambda/shop", "shop"),
        ("123456789012:/aws/lambda/shop", "shop"),
        ("/my/group", "/my/group"),
        ("", ""),
    ],
)
def test_group_names_its_function(group: str, expected: str) -> None:
    """Logs Insights writes the account before it."""
    assert function_of_group(group) == expected


@pytest.mark.parametrize(
    ("name", "stream", "expected"),
    [
        ("logs/shop.log", "", "shop.log"),
        ("-", "", "-"),
        (
            f"x/shop/0f5f0f58-7d0c-4a43-8f3d-2a6d2f7a9f10/{STREAM}/000000.gz",
            STREAM,
            "shop/0f5f0f58",
        ),
        (f"0f5f0f58-7d0c-4a43-8f3d-2a6d2f7a9f10/{STREAM}/000000.gz", STREAM, "0f5f0f58"),
        (f"shop/{STREAM}/000000.gz", STREAM, "shop"),
        (f"{STREAM}/000000.gz", STREAM, STREAM),
    ],
)
def test_source_is_named_by_its_task_or_file(name: str, stream: str, expected: str) -> None:
    """An export has one folder a stream, below the folder of its task, and does not name the log group."""
    assert source_of_path(name, stream=stream) == expected
