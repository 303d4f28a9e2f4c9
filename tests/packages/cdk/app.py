"""Functions of one's own, of every kind, and the aspect over all of them; beside it, app.ts makes the same."""

from aws_cdk import (
    App,
    Aspects,
    Environment,
    Stack,
    aws_cloudfront as cloudfront,
    aws_cloudfront_origins as origins,
    aws_ecr as ecr,
    aws_iam as iam,
    aws_kms as kms,
    aws_lambda as lambda_,
    aws_s3 as s3,
)
from flight_recorder_cdk import FlightRecorder, FlightRecorderAspect

LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:flight-recorder:1"
ARM64 = LAYER.replace("recorder:", "recorder-arm64:")
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
CODE = lambda_.Code.from_inline("def handler(event, context):\n    return 1\n")


def function(stack: Stack, name: str, **more: object) -> lambda_.Function:
    given = {"runtime": lambda_.Runtime.PYTHON_3_13, "handler": "index.handler", "code": CODE}
    return lambda_.Function(stack, name, **{**given, **more})


app = App()
shop = Stack(app, "Shop")
function(shop, "Named", function_name="shop-named")
function(shop, "Unnamed", environment={"SHOP": "1"})
node = {"runtime": lambda_.Runtime.NODEJS_22_X, "architecture": lambda_.Architecture.ARM_64}
function(shop, "Node", **node)
function(shop, "Unserved", runtime=lambda_.Runtime.NODEJS_22_X)
function(shop, "Excluded")
function(shop, "Full", layers=[lambda_.LayerVersion.from_layer_version_arn(shop, "Layer", LAYER)])
repository = ecr.Repository.from_repository_name(shop, "Repository", "shop")
lambda_.DockerImageFunction(shop, "Image", code=lambda_.DockerImageCode.from_ecr(repository))
imported = "arn:aws:lambda:eu-west-1:210987654321:function:theirs"
lambda_.Function.from_function_arn(shop, "Imported", imported)

# By hand, with a role that both share; the aspect comes by as well.
role = iam.Role(shop, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
bucket = s3.Bucket(shop, "Kept")
recorder = FlightRecorder(
    shop,
    "Recorder",
    layer_arn=LAYER,
    sink=f"s3://{bucket.bucket_name}/lambda",
    sample_rate=0.5,
    settings={"FLUSH": "end"},
)
for name in ("First", "Second"):
    fn = function(shop, name, role=role)
    recorder.attach(fn)
    recorder.attach(fn)
shared = FlightRecorder(shop, "Shared", layer_arn=LAYER, sink="records+cloudwatch:/shop/kept")
shared.attach(function(shop, "Records"))

edge = Stack(app, "Edge", env=Environment(account="123456789012", region="us-east-1"))
viewer = function(edge, "Viewer")
cloudfront.Distribution(
    edge,
    "Distribution",
    default_behavior=cloudfront.BehaviorOptions(
        origin=origins.HttpOrigin("example.com"),
        edge_lambdas=[
            cloudfront.EdgeLambda(
                function_version=viewer.current_version,
                event_type=cloudfront.LambdaEdgeEventType.VIEWER_REQUEST,
            )
        ],
    ),
)

Aspects.of(app).add(
    FlightRecorderAspect(
        layer_arn=LAYER,
        standalone_layer_arns={"arm64": ARM64},
        encryption_key=kms.Key.from_key_arn(shop, "Key", KEY),
        exclude=lambda fn: fn.node.id == "Excluded",
    )
)

wrong = App(outdir="wrong.out")
stack = Stack(wrong, "Wrong")
FlightRecorder(stack, "Recorder", sink="bucket").attach(function(stack, "Function"))
aspect = FlightRecorderAspect(layer_arn="flight-recorder", sample_rate=12)
Aspects.of(Stack(wrong, "Aspect")).add(aspect)
refused = Stack(wrong, "Refused")
layers = [
    lambda_.LayerVersion.from_layer_version_arn(
        refused, f"Layer{n}", LAYER.replace(":flight", f":l{n}")
    )
    for n in range(5)
]
by_hand = FlightRecorder(refused, "Recorder", layer_arn=LAYER)
by_hand.attach(function(refused, "Crowded", layers=layers))
by_hand.attach(function(refused, "Unserved", runtime=lambda_.Runtime.NODEJS_22_X))
repository = ecr.Repository.from_repository_name(refused, "Repository", "shop")
image = lambda_.DockerImageCode.from_ecr(repository)
by_hand.attach(lambda_.DockerImageFunction(refused, "Image", code=image))
by_hand.attach(lambda_.Function.from_function_arn(refused, "Imported", imported))

app.synth()
wrong.synth()
