"""Write what a run found as text. Pure."""

from collections.abc import Sequence

from prove.checking.compare import Verdict
from prove.plan.cost import Cost
from prove.plan.deployment import Deployment, Planned
from whatif.model.prices import AS_OF, REGION

COLUMNS = ("function", "#", "way", "written", "kept", "missing", "twice", "reason", "seconds")

PERMISSIONS = (
    "sts:GetCallerIdentity",
    "lambda:PublishLayerVersion, lambda:ListLayerVersions, lambda:DeleteLayerVersion, lambda:GetLayerVersion",
    "lambda:CreateFunction, lambda:TagResource, lambda:GetFunctionConfiguration, lambda:InvokeFunction, lambda:DeleteFunction",
    "iam:CreateRole, iam:TagRole, iam:PutRolePolicy, iam:PassRole, iam:DeleteRolePolicy, iam:DeleteRole",
    "logs:CreateLogGroup, logs:PutRetentionPolicy, logs:TagResource, logs:FilterLogEvents, logs:DescribeLogStreams, logs:DeleteLogGroup",
    "s3:CreateBucket, s3:PutBucketTagging, s3:ListBucket, s3:GetObject, s3:DeleteObject, s3:DeleteBucket",
)
"""What the caller needs; all of it on names that begin with flight-recorder-prove-."""


def table(rows: Sequence[tuple[Planned, Verdict]]) -> list[str]:
    """Return one row for each invocation, and below it what is wrong with it."""
    cells = [_cells(verdict) for _, verdict in rows]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *cells, strict=True)]
    found = [_row(COLUMNS, widths), _row(["-" * width for width in widths], widths)]
    for (_, verdict), row in zip(rows, cells, strict=True):
        found.append(_row(row, widths))
        found += [f"    ! {fault}" for fault in verdict.faults]
    return found


def _cells(verdict: Verdict) -> tuple[str, ...]:
    told, kept = verdict.told, verdict.kept
    return (
        told.function,
        str(told.number),
        told.way.text,
        str(verdict.written),
        str(len(kept.lines)),
        str(verdict.missing),
        str(verdict.twice),
        kept.reason or "-",
        "-" if kept.seconds is None else f"{kept.seconds:.1f}",
    )


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


def summary(rows: Sequence[tuple[Planned, Verdict]]) -> list[str]:
    """Return the result in a few sentences."""
    failed = [verdict for _, verdict in rows if verdict.told.way.fails]
    whole = [one for one in failed if not (one.missing or one.twice or one.altered)]
    wrong = sum(bool(verdict.faults) for _, verdict in rows)
    return [
        f"{len(whole)} of {len(failed)} failed invocations are whole: every line once, as it was written.",
        f"{wrong} of {len(rows)} invocations have a fault."
        if wrong
        else "No invocation has a fault.",
    ]


def left_out(deployment: Deployment) -> list[str]:
    """Return what is not tried."""
    return [f"left out: {what}: {why}" for what, why in deployment.left_out]


def explain(deployment: Deployment, cost: Cost, *, region: str) -> list[str]:
    """Return what a run would make, cost and need."""
    return [
        f"in {region}, with names that begin with {deployment.prefix}, this would make",
        f"    {len(deployment.layers)} layers: {', '.join(deployment.layers)}",
        f"    {len(deployment.sinks)} roles, each with one policy",
        *([f"    the bucket {deployment.prefix}"] if _has_bucket(deployment) else []),
        f"    {len(deployment.functions)} functions, with a log group each where the sink is one:",
        *(
            f"        {one.name}: {len(one.invocations)} invocations"
            for one in deployment.functions
        ),
        "and then invoke them, read back what was kept, compare it line by line, and take all of it down again.",
        "",
        *left_out(deployment),
        "",
        (
            f"costs at most ${cost.usd:.4f} at the list prices of {REGION}, {AS_OF}: {cost.invocations} invocations,"
            f" {cost.gb_seconds:.0f} GB-seconds, {cost.put_log_bytes:,} bytes to CloudWatch, {cost.s3_puts} PUTs to S3"
        ),
        "",
        "needs the aws command, credentials, and of these:",
        *(f"    {one}" for one in PERMISSIONS),
    ]


def _has_bucket(deployment: Deployment) -> bool:
    return any(sink.key == "s3" for sink in deployment.sinks)
