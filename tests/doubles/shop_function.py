"""A function's configuration and a layer's version, as the tool of `attach/` reads them: for tests of its pure parts."""

from attach.plan.model import Function, read_layer_version

LAYER = read_layer_version("arn:aws:lambda:eu-west-1:123456789012:layer:flight-recorder:1")

FUNCTION = Function(
    name="shop",
    arn="arn:aws:lambda:eu-west-1:123456789012:function:shop",
    role_arn="arn:aws:iam::123456789012:role/r",
    runtime="python3.13",
    log_group="/aws/lambda/shop",
)
