"""Reasons to keep a healthy invocation, each by itself."""

from typing import Any

import pytest

from extension.config.settings import read_settings
from extension.sampling.policies import Policy, Signs, policies_of

ALL = {
    "KEEP_MEMORY_ABOVE": "90%",
    "KEEP_SLOWER_THAN": "800ms",
    "KEEP_COLD_STARTS": "true",
    "KEEP_MARKER": "keep-me",
}


def policies(**values: str) -> dict[str, Policy]:
    environ = {f"FLIGHT_RECORDER_{name}": value for name, value in values.items()}
    return {policy.name: policy for policy in policies_of(read_settings(environ)[0])}


def signs(**known: Any) -> Signs:
    made = Signs()
    for name, value in known.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("name", "keeps", "does_not"),
    [
        ("marker", {"is_marked": True}, {}),
        ("init-restarted", {"init_restarted": True}, {}),
        ("logs-dropped", {"logs_dropped": True}, {}),
        ("extension-failed", {"extension_failed": True}, {}),
        ("durable-retry", {"is_retry": True}, {}),
        ("cold-start", {"is_first": True}, {}),
        ("slow", {"duration_ms": 800.1}, {"duration_ms": 800.0}),
        ("memory", {"memory_share": 0.91}, {"memory_share": 0.9}),
    ],
)
def test_policy_keeps_by_its_own_sign_alone(
    name: str, keeps: dict[str, Any], does_not: dict[str, Any]
) -> None:
    """Its name is the reason on the records, so it must not speak of anything else."""
    policy = policies(**ALL)[name]
    others = signs(
        duration_ms=1e6,
        memory_share=1.0,
        is_first=True,
        is_marked=True,
        init_restarted=True,
        logs_dropped=True,
        extension_failed=True,
        is_retry=True,
    )
    for one in keeps:
        setattr(others, one, getattr(Signs(), one))

    assert policy.keeps(signs(**keeps))
    assert not policy.keeps(signs(**does_not))
    assert not policy.keeps(others)


@pytest.mark.parametrize(
    ("name", "known"), [("slow", {"duration_ms": 1.0}), ("memory", {"memory_share": 0.1})]
)
def test_policy_is_pending_until_its_sign_is_known(name: str, known: dict[str, Any]) -> None:
    """The draw must not be made before: a policy goes before the draw."""
    policy = policies(**ALL)[name]

    assert policy.pending(Signs())
    assert not policy.pending(signs(**known))
    assert not policies(**ALL)["cold-start"].pending(Signs())


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, "init-restarted logs-dropped extension-failed durable-retry"),
        (
            ALL,
            "marker init-restarted logs-dropped extension-failed durable-retry cold-start slow memory",
        ),
    ],
)
def test_settings_bring_policies_in_the_order_of_the_readme(
    values: dict[str, str], names: str
) -> None:
    """The first that keeps is the reason. What went wrong around an invocation is rare, so always wanted."""
    assert list(policies(**values)) == names.split()
