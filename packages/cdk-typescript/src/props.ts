import { RemovalPolicy } from "aws-cdk-lib/core";
import * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";

export interface FlightRecorderProps {
  /** The version of the Python layer in the functions' region. It serves Python 3.10 to 3.14. */
  readonly layerArn?: string;
  /** The versions of the standalone layers by architecture, for all other runtimes. Without layerArn, for Python too. */
  readonly standaloneLayerArns?: { readonly x86_64?: string; readonly arm64?: string };
  /**
   * cloudwatch: (the default), cloudwatch:GROUP (a group of yours), records+cloudwatch: with or without one,
   * s3://BUCKET/PREFIX, firehose:STREAM, or a URL such as otlp+https://collector:4318.
   */
  readonly sink?: string;
  /** Share of healthy transactions whose lines are kept. The default is 0.1. */
  readonly sampleRate?: number;
  /** How long the log groups of kept lines keep events. The default is a month. */
  readonly retention?: logs.RetentionDays;
  /** The key that encrypts the log groups of kept lines. Its policy must allow the logs service. */
  readonly encryptionKey?: kms.IKey;
  /** What becomes of the log groups of kept lines when they leave the stack. By default they stay in the account. */
  readonly removalPolicy?: RemovalPolicy;
  /** Let Lambda write everything to the functions' own log groups too. CloudWatch then costs as much as without the recorder. */
  readonly allowOwnLogGroup?: boolean;
  /** How often the recorder writes its own metrics. The default is 5m. With "off", it writes none. */
  readonly metrics?: string;
  /**
   * The functions with this name share metrics, whose alarms and dashboard the fleet's template makes once. The default is
   * flight-recorder. If it is empty, each function has metrics of its own, which cost $5.40 a month.
   */
  readonly metricsFleet?: string;
  /** Other settings of the recorder, without the prefix FLIGHT_RECORDER_. */
  readonly settings?: Record<string, string>;
}

/** The Pythons that the Python layer serves. */
const PYTHON = /^python3\.1[0-4]$/;

const LAYER_ARN = /^arn:[^:]+:lambda:[^:]+:[^:]+:layer:[^:]+:[0-9]+$/;

const SINK = /^((records\+)?cloudwatch:(?!arn:)|s3:\/\/.|firehose:.|([a-z]+(-json)?\+)?https?:\/\/.)/;

/** Return what is wrong with the properties, as sentences. */
export function problemsOf(props: FlightRecorderProps, isToken: (value: string) => boolean): string[] {
  const arns = [props.layerArn, props.standaloneLayerArns?.x86_64, props.standaloneLayerArns?.arm64].filter((one) => one);
  const problems: string[] = [];
  if (arns.length === 0) {
    problems.push(
      "Name the layer: layerArn is the ARN of a version, such as arn:aws:lambda:eu-west-1:123456789012:layer:flight-recorder:1.",
    );
  }
  for (const arn of arns as string[]) {
    if (!isToken(arn) && !LAYER_ARN.test(arn)) {
      problems.push(`${arn} is not the ARN of a layer's version.`);
    }
  }
  if (props.sink !== undefined && !isToken(props.sink) && !SINK.test(props.sink)) {
    problems.push(`The sink ${props.sink} is none of cloudwatch:, cloudwatch:GROUP, s3://BUCKET/PREFIX, firehose:STREAM and a URL.`);
  }
  const rate = props.sampleRate ?? 0.1;
  if (!(rate >= 0 && rate <= 1)) {
    problems.push(`The sample rate ${rate} is not between 0 and 1.`);
  }
  return problems;
}

/** Return the layer for a function; undefined if none serves it. */
export function layerFor(props: FlightRecorderProps, runtime: string, architecture: string): string | undefined {
  if (props.layerArn && PYTHON.test(runtime)) {
    return props.layerArn;
  }
  return props.standaloneLayerArns?.[architecture as "x86_64" | "arm64"];
}

/** Return the names of the layers, of whatever version. */
export function layerNames(props: FlightRecorderProps): string[] {
  return [props.layerArn, props.standaloneLayerArns?.x86_64, props.standaloneLayerArns?.arm64]
    .filter((one): one is string => Boolean(one))
    .map(withoutVersion);
}

export function withoutVersion(arn: string): string {
  return arn.replace(/:[0-9]+$/, "");
}
