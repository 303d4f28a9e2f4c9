"""Run ministack, which then checks permissions on a log stream as AWS does.

By itself it checks each call to CloudWatch Logs on ``log-group:NAME`` alone, so that a policy on a stream matches nothing. AWS
checks the two calls here on a log stream (AWS: Service Authorization Reference, CloudWatch Logs). Its messages name it, also those
about Lambda's own calls: "not authorized to perform: logs:CreateLogStream on resource:
arn:aws:logs:...:log-group:/aws/lambda/...:log-stream:2018/11/28/[$LATEST]...".

Assumes nothing of ministack but this one function. A process of its own: no test imports it.
"""

import json
from importlib import import_module
from typing import Any

ON_STREAMS = ("CreateLogStream", "PutLogEvents")

# By name: ministack is in the services' environment alone.
iam_actions: Any = import_module("ministack.core.iam_actions")
_on_groups = iam_actions.extract_resource_arn


def on_streams(service: str, method: str, path: str, headers: Any, body: Any, *more: Any) -> str:
    """Name the resource that a call is checked on."""
    arn: str = _on_groups(service, method, path, headers, body, *more)
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if service != "logs" or action not in ON_STREAMS:
        return arn
    return f"{arn}:log-stream:{json.loads(body)['logStreamName']}"


iam_actions.extract_resource_arn = on_streams

if __name__ == "__main__":
    import_module("ministack.app").main()
