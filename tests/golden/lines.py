"""Lines as runtimes and functions write them, healthy and not."""

import json

from tests.golden.script import id_of

TIME = "2026-11-24T12:00:00.000Z"

EMF = json.dumps(
    {
        "_aws": {
            "Timestamp": 1_795_521_600_000,
            "CloudWatchMetrics": [
                {"Namespace": "shop", "Dimensions": [["f"]], "Metrics": [{"Name": "orders"}]}
            ],
        },
        "f": "shop",
        "orders": 3,
    }
)


def python_text(level: str, message: str, number: int) -> str:
    """Return what Python's runtime client writes for a logging call with the text log format."""
    return f"[{level}]\t{TIME}\t{id_of(number)}\t{message}\n"


def node_text(level: str, message: str, number: int) -> str:
    """Return what Node.js's runtime client writes for a console call, and .NET's in much the same way."""
    return f"{TIME}\t{id_of(number)}\t{level}\t{message}\n"


def json_line(level: str, message: object, number: int, **more: object) -> dict[str, object]:
    """Return a line of the JSON log format."""
    return {
        "timestamp": TIME,
        "level": level,
        "message": message,
        "requestId": id_of(number),
        **more,
    }


TRACEBACK = '[ERROR] ValueError: boom\nTraceback (most recent call last):\n\xa0\xa0File "/var/task/app.py", line 3\n'
JAVA = (
    "boom: java.lang.IllegalStateException\njava.lang.IllegalStateException: boom\n"
    "\tat example.Handler.handleRequest(Handler.java:12)\n\n"
)


# One a line that fails its invocation, or nearly does; ``{id}`` stands for the request id.

TEXT_FAILURES: tuple[str, ...] = (
    TRACEBACK,
    "LAMBDA_WARNING: Unhandled exception.\r[ERROR] E: no\rTraceback (most recent call last):",
    f'{TIME}\t{{id}}\tERROR\tInvoke Error \t{{"errorType":"Error","stack":[]}}\n',
    f"{TIME}\t{{id}}\tERROR\tUncaught Exception \t{{}}\n",
    JAVA,
    f"{TIME}\t{{id}}\tfail\tSystem.Exception: boom\n   at F.Handler() in F.cs:line 1\n",
    "Error raised from handler method\n",
    '{"errorMessage":"boom","errorType":"errorString"}\n',
    f"{TIME} {{id}} Task timed out after 3.00 seconds\n\n",
    "RequestId: {id} Error: Runtime exited with error: exit status 1\n",
    f"[ERROR]\t{TIME}\t{{id}}\tlogged\n",
    f"[CRITICAL]\t{TIME}\t{{id}}\tlogged\n",
    f"[WARNING]\t{TIME}\t{{id}}\tat ERROR_LEVEL\n",
    "E, [2026-11-24T12:00:00.000000 #8]  ERROR -- : logged by Ruby\n",
    "ALARM: found by the pattern\n",
    f"[INFO]\t{TIME}\t{{id}}\tthe word error alone is no failure\n",
)

JSON_FAILURES: tuple[object, ...] = (
    {"log_level": "ERROR", "errorMessage": "b", "errorType": "E", "requestId": "{id}"},
    '{"level":"ERROR","errorMessage":"","errorType":"E","requestId":"","stackTrace":[]}',
    {"level": "ERROR", "requestId": "{id}", "message": {"errorType": "E", "stackTrace": []}},
    {"level": "ERROR", "message": JAVA, "AWSRequestId": "{id}"},
    {"level": "ERROR", "requestId": "{id}", "message": "Error raised from handler method"},
    {"errorMessage": "boom", "errorType": "errorString", "stackTrace": []},
    {"level": "Error", "message": "b", "errorType": "E", "errorMessage": "b"},
    {"errorType": "E", "stack": "at a"},
    {"severity": "FATAL", "message": "logged"},
    {"lvl": 50, "msg": "as pino has it"},
    {"level": 30, "msg": "healthy", "err": "error"},
    {"detail": {"text": "ALARM: within an object"}},
)


def with_id(record: object, number: int) -> object:
    """Return a line with the request id in its place."""
    text = json.dumps(record).replace("{id}", id_of(number))
    line: object = json.loads(text)
    return line
