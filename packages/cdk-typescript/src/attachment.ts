import { ArnFormat, RemovalPolicy, Stack, Token } from "aws-cdk-lib/core";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct, IConstruct } from "constructs";
import { FlightRecorderProps } from "./props";

export interface AttachmentProps {
  readonly fn: lambda.Function;
  readonly cfn: lambda.CfnFunction;
  readonly layerArn: string;
  readonly props: FlightRecorderProps;
}

const PREFIX = "FLIGHT_RECORDER_";

/** What one function has for the recorder, in the function's own stack. */
export class Attachment extends Construct {
  constructor(scope: Construct, id: string, given: AttachmentProps) {
    super(scope, id);
    const { fn, cfn, props } = given;
    // A name that CDK chooses is known only after the function is made. What refers to it must then come after the function.
    const name = cfn.functionName;
    const isNamed = name !== undefined && !Token.isUnresolved(name);
    const functionName = isNamed ? name : fn.functionName;

    const sink = props.sink ?? "cloudwatch:";
    // Of records+cloudwatch: only the name differs.
    const place = sink.replace(/^records\+/, "");
    const isOwnSink = place === "cloudwatch:";
    const keptGroup = isOwnSink ? `/flight-recorder/${functionName}` : place.slice("cloudwatch:".length);

    fn.addLayers(lambda.LayerVersion.fromLayerVersionArn(this, "Layer", given.layerArn));
    // Without a name, the variable names no group, and the recorder takes the same one.
    const variables = variablesOf(props, isOwnSink && isNamed ? sink + keptGroup : sink);
    for (const [variable, value] of Object.entries(variables)) {
      fn.addEnvironment(variable, value);
    }

    const before: IConstruct[] = [];
    if (isOwnSink) {
      const group = new logs.LogGroup(this, "KeptLogGroup", {
        logGroupName: keptGroup,
        retention: props.retention ?? logs.RetentionDays.ONE_MONTH,
        encryptionKey: props.encryptionKey,
        removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
      });
      before.push(group);
    }
    const statement = this.sinkStatement(place, keptGroup);
    if (statement) {
      before.push(...this.policy("Sink", fn, statement));
    }
    if (isNamed || !isOwnSink) {
      // The recorder may then write from its first invocation on.
      cfn.node.addDependency(...before);
    }
    if (!props.allowOwnLogGroup) {
      this.deny(fn, cfn, functionName);
    }
  }

  /**
   * Lambda writes a function's log with the function's role. A Deny wins over any Allow. It comes after the function has the layer:
   * with the Deny alone, the function logs nowhere.
   */
  private deny(fn: lambda.Function, cfn: lambda.CfnFunction, functionName: string): void {
    const policies = this.policy(
      "OwnLogGroup",
      fn,
      new iam.PolicyStatement({
        effect: iam.Effect.DENY,
        actions: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        resources: this.groupArns(`/aws/lambda/${functionName}`),
      }),
    );
    policies.forEach((one) => one.node.addDependency(cfn));
  }

  /** A policy of its own, since the function waits for its role's default policy, which so may not name the function. */
  private policy(id: string, fn: lambda.Function, statement: iam.PolicyStatement): iam.Policy[] {
    return fn.role ? [new iam.Policy(this, id, { statements: [statement], roles: [fn.role] })] : [];
  }

  private groupArns(group: string): string[] {
    const arn = Stack.of(this).formatArn({
      service: "logs",
      resource: "log-group",
      resourceName: group,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return [arn, `${arn}:*`];
  }

  /** Return the permissions that the sink needs, and no more. */
  private sinkStatement(sink: string, keptGroup: string): iam.PolicyStatement | undefined {
    const stack = Stack.of(this);
    if (sink.startsWith("cloudwatch:")) {
      const actions = ["logs:CreateLogStream", "logs:PutLogEvents"];
      return new iam.PolicyStatement({ actions, resources: this.groupArns(keptGroup) });
    }
    if (sink.startsWith("s3://")) {
      const arn = `arn:${stack.partition}:s3:::${sink.slice("s3://".length)}/*`;
      return new iam.PolicyStatement({ actions: ["s3:PutObject"], resources: [arn] });
    }
    if (sink.startsWith("firehose:")) {
      const resourceName = sink.slice("firehose:".length);
      const arn = stack.formatArn({ service: "firehose", resource: "deliverystream", resourceName });
      return new iam.PolicyStatement({ actions: ["firehose:PutRecordBatch"], resources: [arn] });
    }
    return undefined;
  }
}

function variablesOf(props: FlightRecorderProps, sink: string): Record<string, string> {
  const metrics = props.metrics ?? "5m";
  const fleet = props.metricsFleet ?? "flight-recorder";
  // The recorder's metrics reach CloudWatch with the kept lines, or through the function's own log group.
  const isMeasured = metrics !== "off" && (/^(records\+)?cloudwatch:/.test(sink) || props.allowOwnLogGroup === true);
  const settings = Object.entries(props.settings ?? {}).map(([name, value]) => [`${PREFIX}${name}`, value]);
  return {
    ...(isMeasured ? { [`${PREFIX}METRICS`]: metrics } : {}),
    ...(isMeasured && fleet ? { [`${PREFIX}METRICS_FLEET`]: fleet } : {}),
    [`${PREFIX}SAMPLE_RATE`]: String(props.sampleRate ?? 0.1),
    ...Object.fromEntries(settings),
    [`${PREFIX}SINK`]: sink,
  };
}
