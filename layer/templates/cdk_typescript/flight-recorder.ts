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

/** Saved in CloudWatch Logs Insights. The same queries are in ../queries.json. */
const QUERIES = {
  failures: `filter type = "flightRecorder.invocation" and record.outcome != "success"
| stats count(*) as failures, latest(record.errorMessage) as message, latest(requestId) as example, max(@timestamp) as last
    by reason, record.errorType, record.fingerprint
| sort failures desc
| limit 100`,
  invocation: `# Put an id in place of REQUEST_ID. If lines are records, this finds all of them. If they are as the function wrote them, it
# finds the row of type flightRecorder.invocation. Put its log stream and its two times into the second filter, and remove the
# first one.
filter requestId = "REQUEST_ID" or @message like "REQUEST_ID"
# | filter @logStream = "STREAM" and toMillis(@timestamp) >= FIRST and toMillis(@timestamp) <= LAST
| sort @timestamp asc
| display @timestamp, type, @message, logStream, record.firstTimestamp, record.lastTimestamp
| limit 10000`,
  transaction: `# Choose the log groups of all functions, and put a trace or correlation id in place of TRANSACTION_ID.
filter traceId = "TRANSACTION_ID" or correlationId = "TRANSACTION_ID"
| sort @timestamp asc
| display @timestamp, function, type, record.outcome, reason, record.errorType, record.errorMessage, requestId, @message
| limit 10000`,
  totals: `filter type = "flightRecorder.invocation"
| fields weight * record.lines as weightedLines
| stats sum(weight) as invocations, sum(weightedLines) as lines, count(*) as kept by function, record.outcome
| sort invocations desc
| limit 1000`,
};

export interface FlightRecorderProps {
  /** The layer version that ./build.sh publish printed for this region (and architecture). */
  readonly layerArn: string;
  /** A plain string, not a token. The policies name the function's log groups, and must not wait for the function. */
  readonly functionName: string;
  /** cloudwatch:, s3://BUCKET/PREFIX, firehose:STREAM, or a URL such as otlp+https://collector:4318. */
  readonly sink?: string;
  /** Share of healthy transactions whose lines are kept. */
  readonly sampleRate?: number;
  /** Save four queries for the kept lines in CloudWatch Logs Insights. */
  readonly savedQueries?: boolean;
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
  private readonly queried: boolean;
  private readonly shared: boolean;

  constructor(scope: Construct, id: string, props: FlightRecorderProps) {
    super(scope, id);
    const ownLogGroup = props.ownLogGroup ?? "deny";
    const metrics = props.metrics ?? "5m";
    const retention = props.retention ?? logs.RetentionDays.ONE_MONTH;
    const toCloudWatch = (props.sink ?? "cloudwatch:") === "cloudwatch:";
    const shared = toCloudWatch && ownLogGroup === "share";
    this.queried = toCloudWatch && props.savedQueries !== false;
    this.shared = shared;
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
        const made = new logs.LogGroup(this, name, { logGroupName: group, retention, removalPolicy: RemovalPolicy.DESTROY });
        if (name === (shared ? "OwnLogGroup" : "KeptLogGroup") && this.queried) {
          this.queries(props.functionName, made);
        }
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

  private queries(functionName: string, kept: logs.LogGroup): void {
    for (const [name, queryString] of Object.entries(QUERIES)) {
      new logs.CfnQueryDefinition(this, `${name[0].toUpperCase()}${name.slice(1)}Query`, {
        name: `flight-recorder/${functionName}/${name}`,
        // A transaction is looked for in the groups of several functions.
        logGroupNames: name === "transaction" ? undefined : [kept.logGroupName],
        queryString,
      });
    }
  }

  /** Return where to look when an alarm rings: a saved query, in the console's own form of an address. */
  private look(functionName: string, query: keyof typeof QUERIES): string {
    const region = Stack.of(this).region;
    return (
      ` Run the query flight-recorder/${functionName}/${query}:` +
      ` https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#logsV2:logs-insights` +
      "$3FqueryDetail$3D$257E$2528source$257E$2528$257E$2527" +
      `*2f${this.shared ? "aws*2flambda" : "flight-recorder"}*2f${functionName}$2529$2529`
    );
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
    const look = (query: keyof typeof QUERIES) => (this.queried ? this.look(props.functionName, query) : "");
    const alarms: [string, string, Omit<cloudwatch.AlarmProps, "alarmName">][] = [
      [
        "DeliveryFailing",
        "delivery-failing",
        {
          alarmDescription: `The sink did not take deliveries in two of three intervals (docs/delivery.md#the-way-to-a-sink).${look("failures")}`,
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
          alarmDescription: `The recorder could not deliver kept lines anywhere (docs/delivery.md#the-account).${look("failures")}`,
          metric: recorded("LostLines", "Sum"),
          evaluationPeriods: 1,
          threshold: 0,
        },
      ],
      [
        "BufferFull",
        "buffer-full",
        {
          alarmDescription: `The buffer was nearly full, so recordings may have gaps. Raise FLIGHT_RECORDER_BUFFER_SIZE (docs/metrics.md#alarms).${look("failures")}`,
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
          alarmDescription: `The function was invoked, and the recorder wrote no metric for two hours (docs/check.md#the-checks).${look("totals")}`,
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
