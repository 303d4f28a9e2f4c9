// The role, log groups and alarms of a function with Flight Recorder. Copy this file, and use it as app.ts does
// (docs/attach/cdk.md).

import { readFileSync } from "node:fs";
import { ArnFormat, Duration, RemovalPolicy, Stack } from "aws-cdk-lib/core";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";

const WRITE = ["logs:CreateLogStream", "logs:PutLogEvents"];

export interface FlightRecorderProps {
  /** The layer version that ./build.sh publish printed for this region (and architecture). */
  readonly layerArn: string;
  /** A plain string, not a token. The policies name the function's log groups, and must not wait for the function. */
  readonly functionName: string;
  /** cloudwatch:, s3://BUCKET/PREFIX, firehose:STREAM, or a URL such as otlp+https://collector:4318. */
  readonly sink?: string;
  /** Share of healthy transactions whose lines are kept. */
  readonly sampleRate?: number;
  /** How long the log groups keep events. */
  readonly retention?: logs.RetentionDays;
  /**
   * With "deny", Lambda may not write to the function's own log group, which saves its cost. With "allow", it writes everything.
   * With "share" and the sink cloudwatch:, the recorder writes there, and Lambda may not.
   */
  readonly ownLogGroup?: "deny" | "allow" | "share";
  /** How often the recorder writes its own metrics. With "off", it writes none, and there are no alarms. */
  readonly metrics?: string;
  /**
   * A name that many functions share. They then share metrics, whose alarms and dashboard ../fleet makes once. If this is empty,
   * the function has its own, which cost $5.90 a month.
   */
  readonly metricsFleet?: string;
  /** The SNS topic that alarms notify. */
  readonly alarmTopicArn?: string;
  /** The file of a dashboard, such as ../dashboard.json. */
  readonly dashboard?: string;
}

/** The layer, the variables and the role of a recorded function, with log groups and alarms. */
export class FlightRecorder extends Construct {
  readonly layer: lambda.ILayerVersion;
  readonly environment: Record<string, string>;
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, props: FlightRecorderProps) {
    super(scope, id);
    const ownLogGroup = props.ownLogGroup ?? "deny";
    const metrics = props.metrics ?? "5m";
    const retention = props.retention ?? logs.RetentionDays.ONE_MONTH;
    const toCloudWatch = (props.sink ?? "cloudwatch:") === "cloudwatch:";
    const shared = toCloudWatch && ownLogGroup === "share";
    // The recorder's metrics reach CloudWatch with the kept lines, or through the function's own log group. With neither, no
    // alarm could ever ring. A fleet's metrics are not the function's, so the function has no alarms.
    const measured = metrics !== "off" && (toCloudWatch || ownLogGroup === "allow");
    const fleet = measured ? props.metricsFleet ?? "flight-recorder" : "";
    const keptGroup = `/flight-recorder/${props.functionName}`;
    const ownGroup = `/aws/lambda/${props.functionName}`;
    const group = shared ? `own+cloudwatch:${ownGroup}` : `cloudwatch:${keptGroup}`;
    const sink = toCloudWatch ? group : props.sink ?? "";

    this.layer = lambda.LayerVersion.fromLayerVersionArn(this, "Layer", props.layerArn);
    this.environment = {
      FLIGHT_RECORDER_SINK: sink,
      FLIGHT_RECORDER_SAMPLE_RATE: String(props.sampleRate ?? 0.1),
      ...(measured ? { FLIGHT_RECORDER_METRICS: metrics } : {}),
      ...(fleet ? { FLIGHT_RECORDER_METRICS_FLEET: fleet } : {}),
    };

    // CDK's own roles have AWSLambdaBasicExecutionRole, which allows all log groups. This role allows only the needed ones.
    this.role = new iam.Role(this, "Role", { assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com") });
    // Lambda writes a function's log with the function's role. A Deny wins over any Allow. Lambda's streams begin with the
    // year, and the recorder's do not.
    const [groupArn, streamsArn] = this.groupArns(ownGroup);
    this.role.addToPolicy(
      shared
        ? new iam.PolicyStatement({
            effect: iam.Effect.DENY,
            actions: WRITE,
            resources: [`${groupArn}:log-stream:20*`],
          })
        : new iam.PolicyStatement({
            effect: ownLogGroup === "allow" ? iam.Effect.ALLOW : iam.Effect.DENY,
            actions: ["logs:CreateLogGroup", ...WRITE],
            resources: [groupArn, streamsArn],
          }),
    );
    for (const statement of this.sinkStatements(sink)) {
      this.role.addToPolicy(statement);
    }

    for (const [name, group, wanted] of [
      ["KeptLogGroup", keptGroup, toCloudWatch && !shared],
      ["OwnLogGroup", ownGroup, ownLogGroup === "allow" || shared],
    ] as const) {
      if (wanted) {
        new logs.LogGroup(this, name, { logGroupName: group, retention, removalPolicy: RemovalPolicy.DESTROY });
      }
    }

    if (measured && !fleet) {
      this.alarms(props);
    }
    if (props.dashboard && !fleet) {
      new cloudwatch.CfnDashboard(this, "Dashboard", {
        dashboardName: `flight-recorder-${props.functionName}`,
        dashboardBody: readFileSync(props.dashboard, "utf-8")
          .replaceAll("FUNCTION_NAME", props.functionName)
          .replaceAll("REGION", Stack.of(this).region),
      });
    }
  }

  private groupArns(group: string): [string, string] {
    const stack = Stack.of(this);
    const arn = stack.formatArn({
      service: "logs",
      resource: "log-group",
      resourceName: group,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return [arn, `${arn}:*`];
  }

  /** Return the permissions that the sink needs. docs/sinks/ has them for each sink. */
  private sinkStatements(sink: string): iam.PolicyStatement[] {
    const stack = Stack.of(this);
    if (sink.startsWith("cloudwatch:")) {
      const resources = this.groupArns(sink.slice("cloudwatch:".length));
      return [new iam.PolicyStatement({ actions: WRITE, resources })];
    }
    if (sink.startsWith("own+cloudwatch:")) {
      const [groupArn] = this.groupArns(sink.slice("own+cloudwatch:".length));
      const resources = [groupArn, `${groupArn}:log-stream:flight-recorder/*`];
      return [new iam.PolicyStatement({ actions: WRITE, resources })];
    }
    if (sink.startsWith("s3://")) {
      const arn = `arn:${stack.partition}:s3:::${sink.slice("s3://".length)}/*`;
      return [new iam.PolicyStatement({ actions: ["s3:PutObject"], resources: [arn] })];
    }
    if (sink.startsWith("firehose:")) {
      const resourceName = sink.slice("firehose:".length);
      const arn = stack.formatArn({ service: "firehose", resource: "deliverystream", resourceName });
      return [new iam.PolicyStatement({ actions: ["firehose:PutRecordBatch"], resources: [arn] })];
    }
    return [];
  }

  private alarms(props: FlightRecorderProps): void {
    const metric = (namespace: string, metricName: string, statistic: string, period: Duration) =>
      new cloudwatch.Metric({
        namespace,
        metricName,
        statistic,
        period,
        dimensionsMap: { FunctionName: props.functionName },
      });
    const recorded = (name: string, statistic: string) =>
      metric("FlightRecorder", name, statistic, Duration.minutes(5));
    const hour = Duration.hours(1);
    const alarms: [string, string, Omit<cloudwatch.AlarmProps, "alarmName">][] = [
      [
        "DeliveryFailing",
        "delivery-failing",
        {
          alarmDescription: "The sink did not take deliveries in two of three intervals (docs/delivery.md)",
          metric: recorded("FailedDeliveries", "Sum"),
          evaluationPeriods: 3,
          datapointsToAlarm: 2,
          threshold: 1,
        },
      ],
      [
        "LinesLost",
        "lines-lost",
        {
          alarmDescription: "The recorder could not deliver kept lines anywhere (docs/delivery.md)",
          metric: recorded("LostLines", "Sum"),
          evaluationPeriods: 1,
          threshold: 0,
        },
      ],
      [
        "BufferFull",
        "buffer-full",
        {
          alarmDescription: "The buffer was nearly full, so recordings may have gaps. Raise FLIGHT_RECORDER_BUFFER_SIZE",
          metric: recorded("BufferUsed", "Maximum"),
          evaluationPeriods: 3,
          datapointsToAlarm: 2,
          threshold: 90,
        },
      ],
      // A recorder that cannot deliver cannot say so either. So this alarm compares with Lambda's own count. It looks at an
      // hour, because a frozen environment writes its metrics when it thaws or ends.
      [
        "Silent",
        "silent",
        {
          alarmDescription: "The function was invoked, and the recorder wrote no metric for two hours",
          metric: new cloudwatch.MathExpression({
            expression: "IF(FILL(invoked, 0) > 0 AND FILL(recorded, 0) == 0, 1, 0)",
            usingMetrics: {
              invoked: metric("AWS/Lambda", "Invocations", "Sum", hour),
              recorded: metric("FlightRecorder", "Invocations", "Sum", hour),
            },
            period: hour,
          }),
          evaluationPeriods: 2,
          threshold: 0,
        },
      ],
    ];
    const topic = props.alarmTopicArn ? Topic.fromTopicArn(this, "Topic", props.alarmTopicArn) : undefined;
    for (const [id, name, rest] of alarms) {
      const alarm = new cloudwatch.Alarm(this, id, {
        ...rest,
        alarmName: `${props.functionName}-flight-recorder-${name}`,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      });
      if (topic) {
        alarm.addAlarmAction(new SnsAction(topic));
      }
    }
  }
}
