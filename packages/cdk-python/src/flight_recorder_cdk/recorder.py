"""The construct that attaches the recorder to functions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Annotations, Stack, aws_lambda as lambda_
from constructs import Construct, IConstruct

from flight_recorder_cdk.attachment import Attachment
from flight_recorder_cdk.options import Options

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from flight_recorder_cdk.options import Arguments

ATTACHMENT = "FlightRecorder"
"""The id of what is made for a function, within the function."""

MAX_LAYERS = 5
"""Lambda's bound."""


class FlightRecorder(Construct):
    """Attaches Flight Recorder to functions: layer, variables, permissions, and the log group of the kept lines."""

    def __init__(self, scope: Construct, construct_id: str, **options: Unpack[Arguments]) -> None:
        """Make nothing yet.

        Args:
            scope: The stack.
            construct_id: A name within it.
            **options: The attributes of :class:`flight_recorder_cdk.options.Options`, first of all `layer_arn`.
        """
        super().__init__(scope, construct_id)
        self._options = Options(**options)
        report(self, self._options)

    def attach(self, function: lambda_.IFunction) -> None:
        """Attach the recorder to a function, once.

        A function that has the layer already is left alone. An imported function cannot be changed, and gets a warning.
        """
        attach(function, self._options, is_asked=True)


def report(scope: IConstruct, options: Options) -> None:
    """Put an error on a construct for each wrong option: synthesis then ends with sentences, not with a stack trace."""
    for problem in options.problems():
        Annotations.of(scope).add_error(f"Flight Recorder: {problem}")


def attach(function: lambda_.IFunction, options: Options, *, is_asked: bool) -> None:
    """Attach the recorder to a function if that is possible.

    Args:
        function: Any function.
        options: What is attached.
        is_asked: Somebody named the function, so it is an error that it can have no layer. Otherwise it stays as it is.
    """
    if options.problems():
        return
    notes = Annotations.of(function)
    cfn = function.node.default_child
    if not isinstance(function, lambda_.Function) or not isinstance(cfn, lambda_.CfnFunction):
        notes.add_warning_v2(
            "flight-recorder:imported",
            "Flight Recorder is not attached: this function is imported, so this application cannot change it. "
            "Attach it where it is made.",
        )
        return
    if function.node.try_find_child(ATTACHMENT) is not None:
        return
    layer_arn = _layer_for(function, cfn, options, is_asked=is_asked)
    if layer_arn is not None:
        Attachment(function, ATTACHMENT, cfn=cfn, layer_arn=layer_arn, options=options)


def _layer_for(
    function: lambda_.Function, cfn: lambda_.CfnFunction, options: Options, *, is_asked: bool
) -> str | None:
    """Return the layer that a function of this application is to have; None if it stays as it is."""
    notes = Annotations.of(function)
    if cfn.package_type == "Image":
        if is_asked:
            notes.add_error(
                "Flight Recorder is not attached: a container image takes no layers. "
                "Copy the layer's content into the image."
            )
        return None
    present = _layers_of(function, cfn)
    if any(map(options.is_layer, present)):
        return None
    if len(present) >= MAX_LAYERS:
        notes.add_error(
            f"Flight Recorder is not attached: the function has {len(present)} layers, and Lambda takes {MAX_LAYERS}."
        )
        return None
    runtime, architecture = function.runtime.name, function.architecture.name
    layer_arn = options.layer_for(runtime, architecture)
    if layer_arn is None:
        said = (
            f"Flight Recorder is not attached: no layer serves {runtime} on {architecture}. "
            "Set standalone_layer_arns, or exclude the function."
        )
        if is_asked:
            notes.add_error(said)
        else:
            notes.add_warning_v2("flight-recorder:no-layer", said)
    return layer_arn


def _layers_of(function: lambda_.Function, cfn: lambda_.CfnFunction) -> list[str]:
    """Return the layers that a function has now."""
    found = Stack.of(function).resolve(cfn.layers) or []
    return [one if isinstance(one, str) else json.dumps(one) for one in found]
