"""The aspect that attaches the recorder to every function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsii
from aws_cdk import IAspect, Stack, aws_iam as iam, aws_lambda as lambda_

from flight_recorder_cdk.options import Options
from flight_recorder_cdk.recorder import attach, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from constructs import IConstruct
    from typing_extensions import Unpack

    from flight_recorder_cdk.options import Arguments

OF_OTHERS = (lambda_.QualifiedFunctionBase, lambda_.SingletonFunction)
"""A version and an alias are those of a function, and a singleton makes one. The aspect sees that function too."""


@jsii.implements(IAspect)
class FlightRecorderAspect:
    """Attaches Flight Recorder to every function of an application, a stage or a stack.

    `Aspects.of(app).add(FlightRecorderAspect(layer_arn=...))`. Container images, functions of Lambda@Edge and functions
    that have the layer stay as they are. Imported functions get a warning.
    """

    def __init__(
        self,
        *,
        exclude: Callable[[lambda_.Function], bool] | None = None,
        **options: Unpack[Arguments],
    ) -> None:
        """Take what is attached.

        Args:
            exclude: Functions for which this returns true stay as they are.
            **options: The attributes of :class:`flight_recorder_cdk.options.Options`, first of all `layer_arn`.
        """
        self._exclude = exclude
        self._options = Options(**options)
        self._is_reported = False

    def visit(self, node: IConstruct) -> None:
        """Attach the recorder if the node is a function."""
        if not self._is_reported:
            # An aspect has no place in the tree, so what is wrong with it stands where it was added.
            self._is_reported = True
            report(node, self._options)
        if isinstance(node, lambda_.Function):
            if not _is_at_edge(node) and not (self._exclude and self._exclude(node)):
                attach(node, self._options, is_asked=False)
        elif isinstance(node, lambda_.FunctionBase) and not isinstance(node, OF_OTHERS):
            # It is imported, and so gets a warning.
            attach(node, self._options, is_asked=False)


def _is_at_edge(function: lambda_.Function) -> bool:
    """Tell whether CloudFront runs a function: CDK then lets Lambda@Edge assume its role. It takes no layers."""
    role = function.role
    if not isinstance(role, iam.Role) or role.assume_role_policy is None:
        return False
    trust = Stack.of(function).resolve(role.assume_role_policy.to_json())
    return "edgelambda.amazonaws.com" in json.dumps(trust)
