import { IAspect, Stack } from "aws-cdk-lib/core";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { IConstruct } from "constructs";
import { FlightRecorderProps } from "./props";
import { attach, report } from "./recorder";

export interface FlightRecorderAspectProps extends FlightRecorderProps {
  /** Functions for which this returns true stay as they are. */
  readonly exclude?: (fn: lambda.Function) => boolean;
}

/**
 * Attaches Flight Recorder to every function of an application, a stage or a stack:
 * `Aspects.of(app).add(new FlightRecorderAspect({ layerArn }))`.
 *
 * Container images, functions of Lambda@Edge and functions that have the layer stay as they are. Imported functions get a warning.
 */
export class FlightRecorderAspect implements IAspect {
  private isReported = false;

  constructor(private readonly props: FlightRecorderAspectProps) {}

  visit(node: IConstruct): void {
    if (!this.isReported) {
      // An aspect has no place in the tree, so what is wrong with it stands where it was added.
      this.isReported = true;
      report(node, this.props);
    }
    if (node instanceof lambda.Function) {
      if (!isAtEdge(node) && !this.props.exclude?.(node)) {
        attach(node, this.props, { isAsked: false });
      }
    } else if (isImported(node)) {
      attach(node, this.props, { isAsked: false });
    }
  }
}

function isImported(node: IConstruct): node is lambda.FunctionBase {
  return (
    node instanceof lambda.FunctionBase &&
    !(node instanceof lambda.QualifiedFunctionBase) &&
    !(node instanceof lambda.SingletonFunction)
  );
}

/** Tell whether CloudFront runs a function: CDK then lets Lambda@Edge assume its role. Such functions take no layers. */
function isAtEdge(fn: lambda.Function): boolean {
  if (!(fn.role instanceof iam.Role) || !fn.role.assumeRolePolicy) {
    return false;
  }
  const trust = Stack.of(fn).resolve(fn.role.assumeRolePolicy.toJSON());
  return JSON.stringify(trust).includes("edgelambda.amazonaws.com");
}
