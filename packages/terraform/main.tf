# What Flight Recorder needs beside a function of your own. README.md says how to use it.

data "aws_caller_identity" "this" {}

locals {
  layer_arn = try(coalesce(var.layer_arn, lookup(var.layer_arns, var.architecture, null)), "")
  # A function takes layers of its own region only. So the layer's ARN tells the partition and the region, in words that are the
  # same in versions 5 and 6 of the provider.
  partition = try(split(":", local.layer_arn)[1], "")
  region    = try(split(":", local.layer_arn)[3], "")
  account   = data.aws_caller_identity.this.account_id
  logs      = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group"

  role      = reverse(split("/", var.role_name))[0]
  own_group = "/aws/lambda/${var.function_name}"
  # Of records+cloudwatch: only the name differs.
  sink       = trimprefix(var.sink, "records+")
  own_sink   = local.sink == "cloudwatch:"
  kept_group = local.own_sink ? "/flight-recorder/${var.function_name}" : trimprefix(local.sink, "cloudwatch:")

  to_cloudwatch = startswith(local.sink, "cloudwatch:")
  denied        = var.own_log_group == "deny"
  # The recorder's metrics reach CloudWatch with the kept lines, or through the function's own log group. With neither, no
  # alarm could ever ring. A fleet's metrics are not the function's, so the function has no alarms.
  measured = var.metrics != "off" && (local.to_cloudwatch || !local.denied)
  in_fleet = local.measured && var.metrics_fleet != ""
  alarmed  = local.measured && !local.in_fleet && var.alarms
  queried  = local.own_sink && var.saved_queries

  environment = merge(
    {
      FLIGHT_RECORDER_SINK        = local.own_sink ? "${var.sink}${local.kept_group}" : var.sink
      FLIGHT_RECORDER_SAMPLE_RATE = tostring(var.sample_rate)
    },
    local.measured ? { FLIGHT_RECORDER_METRICS = var.metrics } : {},
    local.in_fleet ? { FLIGHT_RECORDER_METRICS_FLEET = var.metrics_fleet } : {},
    { for name, value in var.settings : "FLIGHT_RECORDER_${name}" => value },
  )

  # The permissions that the sink needs, and no more.
  sink_actions = (
    local.to_cloudwatch ? ["logs:CreateLogStream", "logs:PutLogEvents"] :
    startswith(var.sink, "s3://") ? ["s3:PutObject"] :
    startswith(var.sink, "firehose:") ? ["firehose:PutRecordBatch"] : []
  )
  sink_resources = (
    local.to_cloudwatch ? ["${local.logs}:${local.kept_group}", "${local.logs}:${local.kept_group}:*"] :
    startswith(var.sink, "s3://") ? ["arn:${local.partition}:s3:::${trimprefix(var.sink, "s3://")}/*"] :
    startswith(var.sink, "firehose:") ? [
      "arn:${local.partition}:firehose:${local.region}:${local.account}:deliverystream/${trimprefix(var.sink, "firehose:")}"
    ] : []
  )

  # The settings take KiB and MiB.
  buffer     = try(regex("^([0-9]+)(KiB|MiB)$", lookup(var.settings, "BUFFER_SIZE", "")), null)
  buffer_kib = local.buffer == null ? 0 : tonumber(local.buffer[0]) * (local.buffer[1] == "MiB" ? 1024 : 1)

  saved = jsondecode(file("${path.module}/queries.json"))
  looks = {
    for name in keys(local.saved) : name => local.queried ? " Run the saved query flight-recorder/${var.function_name}/${name}." : ""
  }
  alarms = {
    delivery-failing = {
      description = "The sink did not take deliveries in two of three intervals. Nothing is lost yet.${local.looks.failures}"
      metric      = "FailedDeliveries", statistic = "Sum", threshold = 1
      periods     = 3, datapoints = 2
    }
    lines-lost = {
      description = "The recorder could not deliver kept lines anywhere. Look at the sink.${local.looks.failures}"
      metric      = "LostLines", statistic = "Sum", threshold = 0
      periods     = 1, datapoints = 1
    }
    buffer-full = {
      description = "The buffer was nearly full, so recordings may have gaps. Raise FLIGHT_RECORDER_BUFFER_SIZE.${local.looks.failures}"
      metric      = "BufferUsed", statistic = "Maximum", threshold = 90
      periods     = 3, datapoints = 2
    }
  }
}

# The layer and the variables come after this: the recorder may write from its first invocation on.
resource "aws_iam_role_policy" "sink" {
  count = length(local.sink_actions) > 0 ? 1 : 0
  name  = "flight-recorder-${var.function_name}-sink"
  role  = local.role
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = local.sink_actions, Resource = local.sink_resources }]
  })

  lifecycle {
    precondition {
      condition     = local.layer_arn != ""
      error_message = "Set layer_arn, or layer_arns with a layer for the architecture ${var.architecture}."
    }
  }
}

# Lambda writes a function's log with the function's role. A Deny wins over any Allow. It comes after the function has the layer,
# and goes before the function loses it: with the Deny alone, the function logs nowhere.
resource "aws_iam_role_policy" "own_log_group" {
  count = local.denied ? 1 : 0
  name  = "flight-recorder-${var.function_name}-own-log-group"
  role  = local.role
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Deny"
      Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${local.logs}:${local.own_group}", "${local.logs}:${local.own_group}:*"]
    }]
  })

  lifecycle {
    precondition {
      condition     = var.function_layers == null ? true : contains(var.function_layers, local.layer_arn)
      error_message = "The function ${var.function_name} has not got the layer, so with the Deny it would log nowhere. Give it layers = module.<this one>.layers, or set own_log_group = \"allow\"."
    }
  }

  depends_on = [aws_iam_role_policy.sink, aws_cloudwatch_log_group.kept]
}

# A warning, not an error: what it finds may be about to change. Terraform reads the function at each plan.
check "layer" {
  data "aws_lambda_function" "attached" {
    function_name = var.function_name
    depends_on    = [aws_iam_role_policy.own_log_group]
  }

  assert {
    condition     = !local.denied || contains(coalesce(data.aws_lambda_function.attached.layers, []), local.layer_arn)
    error_message = "The function ${var.function_name} has not got the layer ${local.layer_arn}, and its role may not write its own log: it logs nowhere. Attach module.<this one>.layers, or set own_log_group = \"allow\"."
  }
}

check "memory" {
  assert {
    condition     = var.memory_size == null ? true : local.buffer_kib <= var.memory_size * 512
    error_message = "BUFFER_SIZE takes more than half of the function's memory. The recorder does not accept that, and takes the default."
  }
}

resource "aws_cloudwatch_log_group" "kept" {
  count             = local.own_sink ? 1 : 0
  name              = local.kept_group
  retention_in_days = var.retention_days
  kms_key_id        = var.kms_key_arn
  skip_destroy      = var.keep_log_group
  tags              = var.tags
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.queried ? local.saved : {}

  name         = "flight-recorder/${var.function_name}/${each.key}"
  query_string = join("\n", each.value.query)
  # A transaction is looked for in the groups of several functions.
  log_group_names = each.key == "transaction" ? null : [aws_cloudwatch_log_group.kept[0].name]
}

resource "aws_cloudwatch_metric_alarm" "recorder" {
  for_each = local.alarmed ? local.alarms : {}

  alarm_name          = "${var.function_name}-flight-recorder-${each.key}"
  alarm_description   = each.value.description
  namespace           = "FlightRecorder"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = var.function_name }
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.datapoints
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  tags                = var.tags
}

# A recorder that cannot deliver cannot say so either. So this alarm compares with Lambda's own count. It looks at an hour,
# because a frozen environment writes its metrics when it thaws or ends.
resource "aws_cloudwatch_metric_alarm" "silent" {
  count = local.alarmed ? 1 : 0

  alarm_name          = "${var.function_name}-flight-recorder-silent"
  alarm_description   = "The function was invoked, and the recorder wrote no metric for two hours. Look that the function has the layer, and its role the policies of the module.${local.looks.totals}"
  evaluation_periods  = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  tags                = var.tags

  metric_query {
    id          = "silent"
    expression  = "IF(FILL(invoked, 0) > 0 AND FILL(recorded, 0) == 0, 1, 0)"
    label       = "invoked, and nothing recorded"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { invoked = "AWS/Lambda", recorded = "FlightRecorder" }

    content {
      id = metric_query.key
      metric {
        namespace   = metric_query.value
        metric_name = "Invocations"
        dimensions  = { FunctionName = var.function_name }
        period      = 3600
        stat        = "Sum"
      }
    }
  }
}
