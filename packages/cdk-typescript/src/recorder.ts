import { Annotations, Stack, Token } from "aws-cdk-lib/core";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { Attachment } from "./attachment";
import { FlightRecorderProps, layerFor, layerNames, problemsOf, withoutVersion } from "./props";

/** The id of what is made for a function, within the function. */
const ATTACHMENT = "FlightRecorder";

/** Lambda's bound. */
const MAX_LAYERS = 5;

/** Attaches Flight Recorder to functions: layer, variables, permissions, and the log group of the kept lines. */
export class FlightRecorder extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: FlightRecorderProps,
  ) {
    super(scope, id);
    report(this, props);
  }

  /**
   * Attach the recorder to a function, once. A function that has the layer already is left alone. An imported function cannot be
   * changed, and gets a warning.
   */
  attachTo(fn: lambda.IFunction): void {
    attach(fn, this.props, { isAsked: true });
  }
}

/** Put an error on a construct for each wrong property. Synthesis then ends with sentences, not with a stack trace. */
export function report(scope: Construct, props: FlightRecorderProps): void {
  for (const problem of problemsOf(props, Token.isUnresolved)) {
    Annotations.of(scope).addError(`Flight Recorder: ${problem}`);
  }
}

/**
 * Attach the recorder to a function if that is possible.
 *
 * If the function was named (isAsked), it is an error that it can have no layer. If an aspect found it, it stays as it is.
 */
export function attach(fn: lambda.IFunction, props: FlightRecorderProps, options: { isAsked: boolean }): void {
  if (problemsOf(props, Token.isUnresolved).length > 0) {
    return;
  }
  const notes = Annotations.of(fn);
  const cfn = fn.node.defaultChild;
  if (!(fn instanceof lambda.Function) || !(cfn instanceof lambda.CfnFunction)) {
    notes.addWarningV2(
      "flight-recorder:imported",
      "Flight Recorder is not attached: this function is imported, so this application cannot change it. Attach it where it is made.",
    );
    return;
  }
  if (fn.node.tryFindChild(ATTACHMENT)) {
    return;
  }
  const layerArn = layerToAdd(fn, cfn, props, options);
  if (layerArn !== undefined) {
    new Attachment(fn, ATTACHMENT, { fn, cfn, layerArn, props });
  }
}

/** Return the layer that a function of this application is to have; undefined if it stays as it is. */
function layerToAdd(
  fn: lambda.Function,
  cfn: lambda.CfnFunction,
  props: FlightRecorderProps,
  options: { isAsked: boolean },
): string | undefined {
  const notes = Annotations.of(fn);
  if (cfn.packageType === "Image") {
    if (options.isAsked) {
      notes.addError("Flight Recorder is not attached: a container image takes no layers. Copy the layer's content into the image.");
    }
    return undefined;
  }
  const present = layersOf(fn, cfn);
  if (present.some((one) => layerNames(props).includes(withoutVersion(one)))) {
    return undefined;
  }
  if (present.length >= MAX_LAYERS) {
    notes.addError(`Flight Recorder is not attached: the function has ${present.length} layers, and Lambda takes ${MAX_LAYERS}.`);
    return undefined;
  }
  const layerArn = layerFor(props, fn.runtime.name, fn.architecture.name);
  if (layerArn === undefined) {
    const said =
      `Flight Recorder is not attached: no layer serves ${fn.runtime.name} on ${fn.architecture.name}. ` +
      "Set standaloneLayerArns, or exclude the function.";
    if (options.isAsked) {
      notes.addError(said);
    } else {
      notes.addWarningV2("flight-recorder:no-layer", said);
    }
  }
  return layerArn;
}

/** Return the layers that a function has now. */
function layersOf(fn: lambda.Function, cfn: lambda.CfnFunction): string[] {
  const found: unknown[] = Stack.of(fn).resolve(cfn.layers) ?? [];
  return found.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
}
