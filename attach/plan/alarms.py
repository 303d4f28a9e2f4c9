"""Write the four alarms of a function, and its dashboard. Pure.

docs/attach/README.md says what each alarm means. All templates make the same, and a test compares them.
"""

import json
from typing import Any

from attach.plan.model import Function

NAMESPACE = "FlightRecorder"

PERIOD_S = 300
"""The recorder writes its metrics each five minutes, by default of this tool."""

SILENCE_S = 3600
"""A frozen environment writes its metrics when it thaws or ends, so an hour's silence means nothing yet."""

NAMES = ("delivery-failing", "lines-lost", "buffer-full", "silent")


def names(function: Function) -> list[str]:
    """Return the names of the function's alarms."""
    return [f"{function.name}-flight-recorder-{name}" for name in NAMES]


def alarms(function: Function, topic: str) -> list[dict[str, Any]]:
    """Return the input of PutMetricAlarm for each of them."""
    failing, lost, full, silent = names(function)
    return [
        _alarm(
            function,
            failing,
            "The sink did not take deliveries in two of three intervals (docs/delivery.md)",
            {"MetricName": "FailedDeliveries", "Statistic": "Sum", "Threshold": 1}
            | _two_of_three(),
            topic,
        ),
        _alarm(
            function,
            lost,
            "The recorder could not deliver kept lines anywhere (docs/delivery.md)",
            {"MetricName": "LostLines", "Statistic": "Sum", "Threshold": 0, "EvaluationPeriods": 1},
            topic,
        ),
        _alarm(
            function,
            full,
            "The buffer was nearly full, so recordings may have gaps. Raise FLIGHT_RECORDER_BUFFER_SIZE",
            {"MetricName": "BufferUsed", "Statistic": "Maximum", "Threshold": 90} | _two_of_three(),
            topic,
        ),
        _silent(function, silent, topic),
    ]


def dashboard_name(function: Function) -> str:
    """Return the name of the function's dashboard."""
    return f"flight-recorder-{function.name}"


def dashboard(function: Function, template: str) -> str:
    """Return the dashboard that a file describes for any function."""
    return template.replace("FUNCTION_NAME", function.name).replace("REGION", function.region)


def _two_of_three() -> dict[str, int]:
    return {"EvaluationPeriods": 3, "DatapointsToAlarm": 2}


def _alarm(
    function: Function, name: str, description: str, more: dict[str, Any], topic: str
) -> dict[str, Any]:
    return {
        **_common(name, description, topic),
        "Namespace": NAMESPACE,
        "Dimensions": _dimensions(function),
        "Period": PERIOD_S,
        **more,
    }


def _silent(function: Function, name: str, topic: str) -> dict[str, Any]:
    """Compare with Lambda's own count, because a recorder that cannot deliver cannot say so either."""
    return {
        **_common(
            name, "The function was invoked, and the recorder wrote no metric for two hours", topic
        ),
        "EvaluationPeriods": 2,
        "Threshold": 0,
        "Metrics": [
            {
                "Id": "silent",
                "ReturnData": True,
                "Expression": "IF(FILL(invoked, 0) > 0 AND FILL(recorded, 0) == 0, 1, 0)",
            },
            _hourly(function, "invoked", "AWS/Lambda"),
            _hourly(function, "recorded", NAMESPACE),
        ],
    }


def _common(name: str, description: str, topic: str) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "AlarmDescription": description,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **({"AlarmActions": [topic]} if topic else {}),
    }


def _hourly(function: Function, key: str, namespace: str) -> dict[str, Any]:
    metric = {
        "Namespace": namespace,
        "MetricName": "Invocations",
        "Dimensions": _dimensions(function),
    }
    return {
        "Id": key,
        "ReturnData": False,
        "MetricStat": {"Period": SILENCE_S, "Stat": "Sum", "Metric": metric},
    }


def _dimensions(function: Function) -> list[dict[str, str]]:
    return [{"Name": "FunctionName", "Value": function.name}]


def is_dashboard(text: str) -> bool:
    """Tell whether a text is a dashboard's: JSON with widgets."""
    try:
        body = json.loads(text)
    except ValueError:
        return False
    return isinstance(body, dict) and "widgets" in body
