"""The scenarios: every sink, every reason, and every setting that decides what becomes of a line."""

from tests.golden import hardships, stories
from tests.golden.lines import JSON_FAILURES, TEXT_FAILURES
from tests.golden.run import Scenario
from tests.golden.script import Tell

FILE = "file:{folder}/kept.ndjson"

JOURNEY = {"SAMPLE_RATE": "0.5", "SAMPLE_RATE_DEBUG": "10%", "SAMPLE_RATE_WARN": "0.8"}


def _sink(name: str, sink: str, environment: dict[str, str] | None = None, **more: str) -> Scenario:
    return Scenario(
        f"sink-{name}", stories.journey(), {**JOURNEY, "SINK": sink, **more}, environment or {}
    )


SINKS = [
    _sink("file", FILE, PLATFORM_EVENTS="all"),
    _sink("stdout", "stdout:", PLATFORM_EVENTS="none"),
    _sink("http", "http://{sink}/in?a=b", SINK_HEADERS="X-Scenario=one two"),
    _sink("json", "json+http://{sink}/in", SINK_HEADERS="Content-Encoding=identity"),
    _sink("loki", "loki+http://{sink}"),
    _sink("splunk", "splunk+http://{sink}"),
    _sink("elasticsearch", "elasticsearch+http://{sink}/logs/_bulk"),
    _sink("datadog", "datadog+http://{sink}", PLATFORM_EVENTS="all"),
    _sink("logzio", "logzio+http://{sink}/?token=made-up"),
    _sink("otlp", "otlp+http://{sink}", PLATFORM_EVENTS="all"),
    _sink("cloudwatch", "cloudwatch:", RETENTION_DAYS="7"),
    _sink("cloudwatch-json", "cloudwatch:group", {"AWS_LAMBDA_LOG_FORMAT": "JSON"}),
    _sink("cloudwatch-records", "records+cloudwatch:", METRICS="1m"),
    _sink("cloudwatch-own", "own+cloudwatch:", RETENTION_DAYS="7"),
    _sink("s3", "s3://bucket/a/prefix"),
    _sink("firehose", "firehose:stream"),
]

BAD_SETTINGS = {
    "SINK": FILE,
    "SAMPLE_RATE": "2",
    "SAMPLE_RATE_INFO": "lots",
    "ERROR_LEVEL": "LOUD",
    "ERROR_PATTERN": "(a",
    "KEEP_MARKER": "a",
    "KEEP_COLD_STARTS": "perhaps",
    "KEEP_SLOWER_THAN": "soon",
    "KEEP_MEMORY_ABOVE": "7",
    "KEEP_AT_LEAST": "one",
    "KEEP_AT_MOST": "0/m",
    "HISTORY": "1000",
    "REDACT": "(?=a)",
    "EXCLUDE": "(b",
    "BUFFER_SIZE": "1",
    "FALLBACK_SINK": "ftp://nowhere",
    "ARCHIVE_SINK": "s3:bucket",
    "RETENTION_DAYS": "8",
    "FLUSH": "never",
    "FLUSH_TIMEOUT": "0",
    "LOG_API": "neither",
    "PLATFORM_EVENTS": "some",
    "METRICS": "1s",
    "LOG_LEVEL": "loud",
    "SAMPEL_RATE": "1",
}

TOLD_ONLY = [one for one in hardships.one_of_each() if isinstance(one, Tell)]
"""The same without its batches: nobody is subscribed to them."""

DECISIONS = [
    Scenario(
        "reasons-text",
        stories.lines_that_fail(TEXT_FAILURES),
        {"SINK": FILE, "SAMPLE_RATE": "0", "ERROR_LEVEL": "WARN", "ERROR_PATTERN": "^ALARM"},
    ),
    Scenario(
        "reasons-json",
        stories.lines_that_fail(JSON_FAILURES),
        {"SINK": FILE, "SAMPLE_RATE": "0", "ERROR_PATTERN": "ALARM", "PLATFORM_EVENTS": "none"},
    ),
    Scenario(
        "reasons-platform",
        stories.platform_failures(),
        {"SINK": FILE, "SAMPLE_RATE": "0", "PLATFORM_EVENTS": "all", "LOG_API": "telemetry"},
    ),
    Scenario(
        "reasons-rules",
        stories.rules(),
        {
            "SINK": FILE,
            "SAMPLE_RATE": "0.3",
            "KEEP_COLD_STARTS": "true",
            "KEEP_MARKER": "KEEP-ME",
            "KEEP_SLOWER_THAN": "800ms",
            "KEEP_MEMORY_ABOVE": "90%",
            "KEEP_AT_LEAST": "1/m",
            "CORRELATION_FIELDS": "order",
        },
    ),
    Scenario(
        "levels",
        stories.levels(),
        {
            "SINK": FILE,
            "SAMPLE_RATE": "0.5",
            "SAMPLE_RATE_TRACE": "0",
            "SAMPLE_RATE_DEBUG": "0.01",
            "SAMPLE_RATE_INFO": "0.3",
            "SAMPLE_RATE_WARN": "0.75",
        },
    ),
    Scenario("all-kept", hardships.one_of_each(), {"SINK": FILE, "SAMPLE_RATE": "1"}),
    Scenario("ends", stories.ends(), {"SINK": FILE, "SAMPLE_RATE": "0", "FLUSH": "background"}),
    Scenario(
        "shutdown-timeout", stories.shutdown_with("timeout"), {"SINK": FILE, "SAMPLE_RATE": "0"}
    ),
    Scenario(
        "shutdown-failure", stories.shutdown_with("failure"), {"SINK": FILE, "SAMPLE_RATE": "0"}
    ),
    Scenario("init-fails", stories.init_fails(), {"SINK": FILE, "SAMPLE_RATE": "0"}),
    Scenario(
        "flood",
        stories.flood(),
        {"SINK": FILE, "SAMPLE_RATE": "0", "KEEP_AT_MOST": "2/m", "HISTORY": "1"},
    ),
    Scenario("history", stories.history(), {"SINK": FILE, "SAMPLE_RATE": "0.5", "HISTORY": "2"}),
    Scenario(
        "masked",
        stories.masked(),
        {
            "SINK": FILE,
            "ARCHIVE_SINK": "file:{folder}/archive.ndjson",
            "REDACT": r'["aws-keys","bearer-tokens","card-numbers","emails","passwords","private-keys","customer-[0-9]+","pin=(?P<secret>[0-9]+)"]',
            "EXCLUDE": "GET /health",
        },
    ),
    Scenario(
        "correlated", stories.uncorrelated(), {"SINK": FILE, "CORRELATION_FIELDS": "order,cart"}
    ),
    Scenario(
        "evicted", hardships.evicted(), {"SINK": FILE, "SAMPLE_RATE": "0.5", "BUFFER_SIZE": "64KiB"}
    ),
]

FILTER = "filter_path=errors,items.*.status,items.*.error.type"
ELASTICSEARCH_TAKES_ONE = (
    b'{"errors":true,"items":[{"create":{"status":400,"error":{"type":"mapper_parsing_exception"}}},'
    b'{"create":{"status":429,"error":{"type":"es_rejected_execution_exception"}}},'
    b'{"create":{"status":201}}]}'
)
CLOUDWATCH_TAKES_ONE = (
    b'{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":1,"tooNewLogEventStartIndex":2}}'
)

NO_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}

DELIVERIES = [
    Scenario(
        "refused", hardships.refused(), {"SINK": "http://{sink}/refuse", "SAMPLE_RATE": "0.5"}
    ),
    Scenario(
        "fallback-refused",
        hardships.refused(),
        {"SINK": "http://{sink}/refuse", "FALLBACK_SINK": FILE, "SAMPLE_RATE": "0.5"},
    ),
    Scenario(
        "fallback-denied",
        hardships.refused(),
        {"SINK": "firehose:stream", "FALLBACK_SINK": "http://{sink}/in", "SAMPLE_RATE": "0.5"},
        NO_CREDENTIALS,
    ),
    Scenario(
        "unavailable",
        hardships.refused(left_ms=700),
        {"SINK": "file:{folder}/missing/kept.ndjson", "SAMPLE_RATE": "0.5"},
    ),
    Scenario(
        "evicted-at-sink",
        hardships.too_much(),
        {"SINK": "firehose:stream", "SAMPLE_RATE": "0.5", "BUFFER_SIZE": "64KiB"},
        NO_CREDENTIALS,
    ),
    Scenario("repeated", hardships.failed(), {"SINK": "http://{sink}/hiccup"}),
    Scenario("repeated-cloudwatch", hardships.failed(), {"SINK": "cloudwatch:"}, hiccups=1),
    Scenario(
        "too-large", hardships.refused(), {"SINK": "http://{sink}/large", "SAMPLE_RATE": "0.5"}
    ),
    Scenario(
        "unreadable",
        hardships.refused(),
        {"SINK": "http://{sink}/unreadable", "SAMPLE_RATE": "0.5"},
    ),
    Scenario(
        "rejected-elasticsearch",
        hardships.failed(),
        {"SINK": "elasticsearch+http://{sink}/_bulk"},
        answers={"/_bulk?" + FILTER: ELASTICSEARCH_TAKES_ONE},
    ),
    Scenario(
        "rejected-cloudwatch",
        hardships.first_of_all(),
        {"SINK": "cloudwatch:", "SAMPLE_RATE": "0.5"},
        answers={"PutLogEvents": CLOUDWATCH_TAKES_ONE},
    ),
    Scenario(
        "rejected-otlp",
        hardships.first_of_all(),
        {"SINK": "otlp+http://{sink}", "SAMPLE_RATE": "0.5"},
        answers={"/v1/logs": b"\x0a\x02\x08\x01"},
    ),
    Scenario(
        "archive",
        hardships.one_of_each(),
        {"SINK": FILE, "ARCHIVE_SINK": "s3://bucket", "SAMPLE_RATE": "0.5", "HISTORY": "1"},
    ),
    Scenario(
        "metrics-file",
        hardships.evicted(),
        {"SINK": FILE, "METRICS": "1m", "SAMPLE_RATE": "0.5", "BUFFER_SIZE": "64KiB"},
    ),
    Scenario(
        "metrics-cloudwatch",
        hardships.one_of_each(),
        {"SINK": "cloudwatch:", "METRICS": "1m", "SAMPLE_RATE": "0.5"},
    ),
]

ENVIRONMENTS = [
    Scenario("late", hardships.too_late(), {"SINK": FILE, "SAMPLE_RATE": "0"}),
    Scenario(
        "large-batches",
        hardships.large_batches(),
        {"SINK": FILE, "SAMPLE_RATE": "0", "HISTORY": "1"},
    ),
    Scenario(
        "garbage", hardships.garbage(), {"SINK": FILE, "SAMPLE_RATE": "0", "FLUSH": "background"}
    ),
    Scenario(
        "managed-instances",
        hardships.managed_instances(),
        {"SINK": FILE, "SAMPLE_RATE": "1", "SAMPLE_RATE_DEBUG": "0"},
        {"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"},
    ),
    Scenario(
        "managed-instances-sampled",
        hardships.managed_instances(),
        {"SINK": FILE, "SAMPLE_RATE": "0.5", "PLATFORM_EVENTS": "all"},
        {"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"},
    ),
    Scenario(
        "without-ends", hardships.without_ends(), {"SINK": FILE}, refusals={"2021-03-18": 400}
    ),
    Scenario(
        "telemetry-instead", hardships.one_of_each(), {"SINK": FILE}, refusals={"2021-03-18": 500}
    ),
    Scenario(
        "no-logs",
        TOLD_ONLY,
        {"SINK": FILE},
        refusals=dict.fromkeys(
            ("2021-03-18", "2020-08-15", "2025-01-29", "2022-12-13", "2022-07-01"), 202
        ),
    ),
    Scenario(
        "clone", hardships.clone(), {"SINK": FILE}, {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    ),
    Scenario(
        "unrestored",
        hardships.unrestored(),
        {"SINK": FILE},
        {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"},
    ),
    Scenario(
        "references",
        stories.masked(),
        {
            "SINK": "http://{sink}/in",
            "SINK_HEADERS": "secretsmanager:intake#headers",
            "REDACT": "ssm:/shop/patterns",
            "EXCLUDE": "ssm:/shop/missing",
        },
        answers={
            "GetParameters": b'{"Parameters":[{"Name":"/shop/patterns","Value":"emails"}]}',
            "GetSecretValue": b'{"SecretString":"{\\"headers\\":\\"X-Scenario=fetched\\"}"}',
        },
    ),
    Scenario("bad-settings", hardships.one_of_each(), BAD_SETTINGS),
    Scenario(
        "disabled",
        TOLD_ONLY,
        {"ENABLED": "false"},
    ),
]

SCENARIOS = {one.name: one for one in [*SINKS, *DECISIONS, *DELIVERIES, *ENVIRONMENTS]}
