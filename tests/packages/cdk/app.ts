// The same as app.py, which says what is what.
import { App, Aspects, Stack } from "aws-cdk-lib/core";
import * as cloudfront from "aws-cdk-lib/aws-cloudfront";
import { HttpOrigin } from "aws-cdk-lib/aws-cloudfront-origins";
import * as ecr from "aws-cdk-lib/aws-ecr";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as s3 from "aws-cdk-lib/aws-s3";
import { FlightRecorder, FlightRecorderAspect } from "flight-recorder-cdk";

const LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:flight-recorder:1";
const ARM64 = LAYER.replace("recorder:", "recorder-arm64:");
const KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555";
const code = lambda.Code.fromInline("def handler(event, context):\n    return 1\n");

const make = (stack: Stack, name: string, more: Partial<lambda.FunctionProps> = {}) =>
  new lambda.Function(stack, name, { runtime: lambda.Runtime.PYTHON_3_13, handler: "index.handler", code, ...more });

const app = new App();
const shop = new Stack(app, "Shop");
make(shop, "Named", { functionName: "shop-named" });
make(shop, "Unnamed", { environment: { SHOP: "1" } });
make(shop, "Node", { runtime: lambda.Runtime.NODEJS_22_X, architecture: lambda.Architecture.ARM_64 });
make(shop, "Unserved", { runtime: lambda.Runtime.NODEJS_22_X });
make(shop, "Excluded");
make(shop, "Full", { layers: [lambda.LayerVersion.fromLayerVersionArn(shop, "Layer", LAYER)] });
const repository = ecr.Repository.fromRepositoryName(shop, "Repository", "shop");
new lambda.DockerImageFunction(shop, "Image", { code: lambda.DockerImageCode.fromEcr(repository) });
lambda.Function.fromFunctionArn(shop, "Imported", "arn:aws:lambda:eu-west-1:210987654321:function:theirs");

const role = new iam.Role(shop, "Role", { assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com") });
const bucket = new s3.Bucket(shop, "Kept");
const recorder = new FlightRecorder(shop, "Recorder", {
  layerArn: LAYER,
  sink: `s3://${bucket.bucketName}/lambda`,
  sampleRate: 0.5,
  settings: { FLUSH: "end" },
});
for (const name of ["First", "Second"]) {
  const fn = make(shop, name, { role });
  recorder.attachTo(fn);
  recorder.attachTo(fn);
}
const shared = new FlightRecorder(shop, "Shared", { layerArn: LAYER, sink: "records+cloudwatch:/shop/kept" });
shared.attachTo(make(shop, "Records"));

const edge = new Stack(app, "Edge", { env: { account: "123456789012", region: "us-east-1" } });
const viewer = make(edge, "Viewer");
new cloudfront.Distribution(edge, "Distribution", {
  defaultBehavior: {
    origin: new HttpOrigin("example.com"),
    edgeLambdas: [
      { functionVersion: viewer.currentVersion, eventType: cloudfront.LambdaEdgeEventType.VIEWER_REQUEST },
    ],
  },
});

Aspects.of(app).add(
  new FlightRecorderAspect({
    layerArn: LAYER,
    standaloneLayerArns: { arm64: ARM64 },
    encryptionKey: kms.Key.fromKeyArn(shop, "Key", KEY),
    exclude: (fn) => fn.node.id === "Excluded",
  }),
);

const wrong = new App({ outdir: "wrong.out" });
const stack = new Stack(wrong, "Wrong");
new FlightRecorder(stack, "Recorder", { sink: "bucket" }).attachTo(make(stack, "Function"));
Aspects.of(new Stack(wrong, "Aspect")).add(new FlightRecorderAspect({ layerArn: "flight-recorder", sampleRate: 12 }));

const refused = new Stack(wrong, "Refused");
const layers = [0, 1, 2, 3, 4].map((n) =>
  lambda.LayerVersion.fromLayerVersionArn(refused, `Layer${n}`, LAYER.replace(":flight", `:l${n}`)),
);
const byHand = new FlightRecorder(refused, "Recorder", { layerArn: LAYER });
byHand.attachTo(make(refused, "Crowded", { layers }));
byHand.attachTo(make(refused, "Unserved", { runtime: lambda.Runtime.NODEJS_22_X }));
const images = ecr.Repository.fromRepositoryName(refused, "Repository", "shop");
byHand.attachTo(new lambda.DockerImageFunction(refused, "Image", { code: lambda.DockerImageCode.fromEcr(images) }));
byHand.attachTo(
  lambda.Function.fromFunctionArn(refused, "Imported", "arn:aws:lambda:eu-west-1:210987654321:function:theirs"),
);

app.synth();
wrong.synth();
