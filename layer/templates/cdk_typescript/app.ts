// A function with Flight Recorder attached. docs/attach/cdk.md says how to deploy it.

import { App, Stack } from "aws-cdk-lib/core";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { FlightRecorder } from "./flight-recorder";

const app = new App();
const given = (name: string): string | undefined => app.node.tryGetContext(name);

const layerArn = given("layerArn");
if (!layerArn) {
  throw new Error("name the layer version: cdk deploy -c layerArn=arn:aws:lambda:...");
}
const functionName = given("functionName") ?? "recorded";

const ownLogGroup = given("ownLogGroup") ?? "deny";
if (ownLogGroup !== "deny" && ownLogGroup !== "allow" && ownLogGroup !== "share") {
  throw new Error("ownLogGroup is deny, allow or share");
}

const fleet = given("metricsFleet");

const stack = new Stack(app, given("stackName") ?? "Recorded");
const recorder = new FlightRecorder(stack, "FlightRecorder", {
  layerArn,
  functionName,
  sink: given("sink"),
  sampleRate: Number(given("sampleRate") ?? 0.1),
  savedQueries: given("savedQueries") !== "no",
  ownLogGroup,
  metrics: given("metrics"),
  metricsFleet: fleet === "none" ? "" : fleet,
  alarmTopicArn: given("alarmTopicArn"),
  dashboard: given("dashboard"),
});
new lambda.Function(stack, "Function", {
  functionName,
  runtime: lambda.Runtime.PYTHON_3_13,
  handler: "index.handler",
  code: lambda.Code.fromInline(`def handler(event, context):
    print("got", event)
    if event.get("fail"):
        raise RuntimeError("everything above is delivered, whatever the sample rate")
`),
  layers: [recorder.layer],
  environment: recorder.environment,
  role: recorder.role,
});
