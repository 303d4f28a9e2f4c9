from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from attach.cloud.versions import InUse, in_use, sharing
from attach.plan.model import Names, read_function
from tests.services.aws import ACCOUNT, REGION, control_plane
from tests.services.functions import VERSION, make_function, make_role, publish_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from attach.cloud.command import Aws

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]


def test_versions_behind_aliases_and_provisioned_concurrency_are_found(
    cloud: Callable[..., Aws],
) -> None:
    """An alias of the unpublished version is none of them."""
    made, aws = make_function(), control_plane()
    made.publish("live")
    aws.rest("PUT", f"{VERSION}/{made.name}/configuration", Layers=[publish_layer()])
    made.publish()
    aws.rest("POST", f"{VERSION}/{made.name}/aliases", Name="dev", FunctionVersion="$LATEST")
    weights = {"AdditionalVersionWeights": {"2": 0.25}}
    aws.rest(
        "PUT", f"{VERSION}/{made.name}/aliases/live", FunctionVersion="1", RoutingConfig=weights
    )
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{made.name}:live"

    found = in_use(
        cloud("", ("list-provisioned-concurrency-configs", "instead", [arn])),
        read_function(made.configuration),
        Names(),
    )

    of_live = "provisioned concurrency of live"
    assert found == [
        InUse("1", ("alias live 75%", of_live), has_layer=False),
        InUse("2", ("alias live 25%", of_live), has_layer=True),
    ]
    assert str(found[0]) == f"version 1 (alias live 75%, {of_live})"


def test_functions_that_share_role_and_group_are_found(cloud: Callable[..., Aws]) -> None:
    """Sharing the role alone is harmless: the Deny names one group."""
    role = make_role()
    shared: dict[str, Any] = {"LoggingConfig": {"LogGroup": f"/shared/{role}"}}
    made, other = make_function(role=role, **shared), make_function(role=role, **shared)
    make_function(role=role, Layers=[publish_layer()], **shared)
    alone = make_function(role=role)

    assert sharing(cloud(), read_function(made.configuration), Names()) == [other.name]
    assert sharing(cloud(), read_function(alone.configuration), Names()) == []
