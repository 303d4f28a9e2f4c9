output "layers" {
  description = "For the function's layers: concat(module.recorder.layers, [...])."
  value       = [local.layer_arn]

  precondition {
    condition     = local.layer_arn != ""
    error_message = "Set layer_arn, or layer_arns with a layer for the architecture ${var.architecture}."
  }

  # Who uses this waits for what the recorder needs.
  depends_on = [aws_iam_role_policy.sink, aws_cloudwatch_log_group.kept]
}

output "environment" {
  description = "For the function's variables: merge(module.recorder.environment, {...})."
  value       = local.environment
  depends_on  = [aws_iam_role_policy.sink, aws_cloudwatch_log_group.kept]
}

output "log_group_name" {
  description = "The log group of the kept lines; null unless the sink is cloudwatch:."
  value       = local.to_cloudwatch ? local.kept_group : null
}

output "log_group_arn" {
  description = "The ARN of the log group that the module made; null if it made none."
  value       = one(aws_cloudwatch_log_group.kept[*].arn)
}

output "policy_names" {
  description = "The inline policies that the module added to the role."
  value       = concat(aws_iam_role_policy.sink[*].name, aws_iam_role_policy.own_log_group[*].name)
}

output "query_names" {
  description = "The queries that the module saved in CloudWatch Logs Insights."
  value       = sort([for one in aws_cloudwatch_query_definition.this : one.name])
}

output "alarm_arns" {
  description = "The alarms that the module made."
  value = concat(
    [for one in aws_cloudwatch_metric_alarm.recorder : one.arn], aws_cloudwatch_metric_alarm.silent[*].arn
  )
}
