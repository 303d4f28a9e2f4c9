# A function with Flight Recorder attached. docs/attach/terraform.md says how to apply it, and what to copy.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

variable "layer_arn" {
  type        = string
  description = "The layer version that ./build.sh publish printed for this region (and architecture)."
}

variable "function_name" {
  type        = string
  description = "The function's name. The policies name its log groups, so the name must be known beforehand."
  default     = "recorded"
}

variable "package" {
  type        = string
  description = "The function's zip file."
  default     = "function.zip"
}

variable "sink" {
  type        = string
  description = "cloudwatch:, s3://BUCKET/PREFIX, firehose:STREAM, or a URL such as otlp+https://collector:4318."
  default     = "cloudwatch:"

  validation {
    condition     = can(regex("^(cloudwatch:$|s3://.|firehose:.|([a-z]+(-json)?\\+)?https?://.)", var.sink))
    error_message = "The sink is cloudwatch:, s3://BUCKET/PREFIX, firehose:STREAM or a URL."
  }
}

variable "sample_rate" {
  type        = number
  description = "Share of healthy transactions whose lines are kept."
  default     = 0.1
}

variable "saved_queries" {
  type        = bool
  description = "Save four queries for the kept lines in CloudWatch Logs Insights."
  default     = true
}

variable "retention_days" {
  type        = number
  description = "How long the log groups keep events."
  default     = 30
}

variable "own_log_group" {
  type        = string
  description = "With deny, Lambda may not write to the function's own log group, which saves its cost. With allow, it writes everything. With share and the sink cloudwatch:, the recorder writes there, and Lambda may not."
  default     = "deny"

  validation {
    condition     = contains(["deny", "allow", "share"], var.own_log_group)
    error_message = "One of deny, allow and share."
  }
}

variable "metrics" {
  type        = string
  description = "How often the recorder writes its own metrics. With off, it writes none, and there are no alarms."
  default     = "5m"
}

variable "metrics_fleet" {
  type        = string
  description = "A name that many functions share. They then share metrics, whose alarms ../fleet makes once. If this is empty, the function has its own."
  default     = "flight-recorder"
}

variable "alarm_topic_arns" {
  type        = list(string)
  description = "SNS topics that alarms notify."
  default     = []
}

variable "dashboard" {
  type        = string
  description = "The file of a dashboard, such as ../dashboard.json. If this is empty, or with metrics_fleet, there is no dashboard."
  default     = ""
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  logs       = "arn:${data.aws_partition.this.partition}:logs:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  own_group  = "/aws/lambda/${var.function_name}"
  kept_group = "/flight-recorder/${var.function_name}"

  to_cloudwatch = var.sink == "cloudwatch:"
  allowed       = var.own_log_group == "allow"
  shared        = var.own_log_group == "share" && local.to_cloudwatch
  # The recorder's metrics reach CloudWatch with the kept lines, or through the function's own log group. With neither, no
  # alarm could ever ring. A fleet's metrics are not the function's, so the function has no alarms.
  measured = var.metrics != "off" && (local.to_cloudwatch || local.allowed)
  in_fleet = local.measured && var.metrics_fleet != ""
  alarmed  = local.measured && !local.in_fleet

  # The permissions that the sink needs, and no more. docs/sinks/ has them for each sink.
  sink_actions = (
    local.to_cloudwatch ? ["logs:CreateLogStream", "logs:PutLogEvents"] :
    startswith(var.sink, "s3://") ? ["s3:PutObject"] :
    startswith(var.sink, "firehose:") ? ["firehose:PutRecordBatch"] : []
  )
  sink_resources = (
    local.shared ? ["${local.logs}:log-group:${local.own_group}", "${local.logs}:log-group:${local.own_group}:log-stream:flight-recorder/*"] :
    local.to_cloudwatch ? ["${local.logs}:log-group:${local.kept_group}", "${local.logs}:log-group:${local.kept_group}:*"] :
    startswith(var.sink, "s3://") ? ["arn:${data.aws_partition.this.partition}:s3:::${trimprefix(var.sink, "s3://")}/*"] :
    startswith(var.sink, "firehose:") ? [
      "arn:${data.aws_partition.this.partition}:firehose:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:deliverystream/${trimprefix(var.sink, "firehose:")}"
    ] : []
  )

  # Lambda's streams begin with the year, and the recorder's do not.
  own_actions = concat(local.shared ? [] : ["logs:CreateLogGroup"], ["logs:CreateLogStream", "logs:PutLogEvents"])
  own_resources = (
    local.shared ? ["${local.logs}:log-group:${local.own_group}:log-stream:20*"] :
    ["${local.logs}:log-group:${local.own_group}", "${local.logs}:log-group:${local.own_group}:*"]
  )

  queried = local.to_cloudwatch && var.saved_queries
  console = "https://${data.aws_region.this.name}.console.aws.amazon.com/cloudwatch/home?region=${data.aws_region.this.name}"
  # The console's own form of an address, in which Logs Insights has the log group chosen.
  insights = "${local.console}#logsV2:logs-insights$3FqueryDetail$3D$257E$2528source$257E$2528$257E$2527*2f${local.shared ? "aws*2flambda" : "flight-recorder"}*2f${var.function_name}$2529$2529"
  looks = {
    for name in keys(local.queries) :
    name => local.queried ? " Run the query flight-recorder/${var.function_name}/${name}: ${local.insights}" : ""
  }

  # The same queries are in ../queries.json.
  queries = {
    failures    = <<-EOT
      filter type = "flightRecorder.invocation" and record.outcome != "success"
      | stats count(*) as failures, latest(record.errorMessage) as message, latest(requestId) as example, max(@timestamp) as last
          by reason, record.errorType, record.fingerprint
      | sort failures desc
      | limit 100
    EOT
    invocation  = <<-EOT
      # Put an id in place of REQUEST_ID. If lines are records, this finds all of them. If they are as the function wrote them, it
      # finds the row of type flightRecorder.invocation. Put its log stream and its two times into the second filter, and remove the
      # first one.
      filter requestId = "REQUEST_ID" or @message like "REQUEST_ID"
      # | filter @logStream = "STREAM" and toMillis(@timestamp) >= FIRST and toMillis(@timestamp) <= LAST
      | sort @timestamp asc
      | display @timestamp, type, @message, logStream, record.firstTimestamp, record.lastTimestamp
      | limit 10000
    EOT
    transaction = <<-EOT
      # Choose the log groups of all functions, and put a trace or correlation id in place of TRANSACTION_ID.
      filter traceId = "TRANSACTION_ID" or correlationId = "TRANSACTION_ID"
      | sort @timestamp asc
      | display @timestamp, function, type, record.outcome, reason, record.errorType, record.errorMessage, requestId, @message
      | limit 10000
    EOT
    totals      = <<-EOT
      filter type = "flightRecorder.invocation"
      | fields weight * record.lines as weightedLines
      | stats sum(weight) as invocations, sum(weightedLines) as lines, count(*) as kept by function, record.outcome
      | sort invocations desc
      | limit 1000
    EOT
  }

  alarms = {
    delivery-failing = {
      description = "The sink did not take deliveries in two of three intervals (docs/delivery.md#the-way-to-a-sink).${local.looks.failures}"
      metric      = "FailedDeliveries", statistic = "Sum", threshold = 1
      periods     = 3, datapoints = 2
    }
    lines-lost = {
      description = "The recorder could not deliver kept lines anywhere (docs/delivery.md#the-account).${local.looks.failures}"
      metric      = "LostLines", statistic = "Sum", threshold = 0
      periods     = 1, datapoints = 1
    }
    buffer-full = {
      description = "The buffer was nearly full, so recordings may have gaps. Raise FLIGHT_RECORDER_BUFFER_SIZE (docs/metrics.md#alarms).${local.looks.failures}"
      metric      = "BufferUsed", statistic = "Maximum", threshold = 90
      periods     = 3, datapoints = 2
    }
  }
}

resource "aws_lambda_function" "this" {
  function_name    = var.function_name
  role             = aws_iam_role.this.arn
  runtime          = "python3.13"
  handler          = "index.handler"
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  layers           = [var.layer_arn]

  environment {
    variables = merge(
      {
        FLIGHT_RECORDER_SINK        = local.shared ? "own+cloudwatch:${local.own_group}" : local.to_cloudwatch ? "cloudwatch:${local.kept_group}" : var.sink
        FLIGHT_RECORDER_SAMPLE_RATE = tostring(var.sample_rate)
      },
      local.measured ? { FLIGHT_RECORDER_METRICS = var.metrics } : {},
      local.in_fleet ? { FLIGHT_RECORDER_METRICS_FLEET = var.metrics_fleet } : {},
    )
  }

  # Environments keep the permissions that the role had when they began, so the policies must exist first.
  depends_on = [
    aws_iam_role_policy.own_log_group, aws_iam_role_policy.sink, aws_cloudwatch_log_group.kept, aws_cloudwatch_log_group.own
  ]
}

# This role does without AWSLambdaBasicExecutionRole, which allows all log groups.
resource "aws_iam_role" "this" {
  name = "${var.function_name}-flight-recorder"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

# Lambda writes a function's log with the function's role. A Deny wins over any Allow.
resource "aws_iam_role_policy" "own_log_group" {
  name = "own-log-group"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = local.allowed ? "Allow" : "Deny"
      Action   = local.own_actions
      Resource = local.own_resources
    }]
  })
}

resource "aws_iam_role_policy" "sink" {
  count = length(local.sink_actions) > 0 ? 1 : 0
  name  = "sink"
  role  = aws_iam_role.this.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = local.sink_actions, Resource = local.sink_resources }]
  })
}

resource "aws_cloudwatch_log_group" "kept" {
  count             = local.to_cloudwatch && !local.shared ? 1 : 0
  name              = local.kept_group
  retention_in_days = var.retention_days
}

resource "aws_cloudwatch_log_group" "own" {
  count             = local.allowed || local.shared ? 1 : 0
  name              = local.own_group
  retention_in_days = var.retention_days
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
}

# A recorder that cannot deliver cannot say so either. So this alarm compares with Lambda's own count. It looks at an hour,
# because a frozen environment writes its metrics when it thaws or ends.
resource "aws_cloudwatch_metric_alarm" "silent" {
  count = local.alarmed ? 1 : 0

  alarm_name          = "${var.function_name}-flight-recorder-silent"
  alarm_description   = "The function was invoked, and the recorder wrote no metric for two hours (docs/check.md#the-checks).${local.looks.totals}"
  evaluation_periods  = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns

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

resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.queried ? local.queries : {}

  name            = "flight-recorder/${var.function_name}/${each.key}"
  log_group_names = each.key == "transaction" ? null : [local.shared ? aws_cloudwatch_log_group.own[0].name : aws_cloudwatch_log_group.kept[0].name]
  query_string    = trimspace(each.value)
}

resource "aws_cloudwatch_dashboard" "this" {
  count          = var.dashboard == "" || local.in_fleet ? 0 : 1
  dashboard_name = "flight-recorder-${var.function_name}"
  dashboard_body = replace(replace(file(var.dashboard), "FUNCTION_NAME", var.function_name), "REGION", data.aws_region.this.name)
}

output "kept" {
  description = "The log group of the kept lines."
  value       = local.shared ? local.own_group : one(aws_cloudwatch_log_group.kept[*].name)
}
