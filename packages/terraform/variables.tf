variable "function_name" {
  type        = string
  description = "The function's name, as a plain string or a local. Do not take it from the function's resource, which waits for the module's outputs."

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.function_name))
    error_message = "The name of a function has 1 to 64 letters, digits, - and _. It is no ARN."
  }
}

variable "role_name" {
  type        = string
  description = "The name or the ARN of the function's execution role. The module adds inline policies to it. Its other policies and its permissions boundary stay yours."

  validation {
    condition     = can(regex("^(arn:[^:]+:iam::[0-9]{12}:role/)?[A-Za-z0-9+=,.@_/-]+$", var.role_name))
    error_message = "Give the name of a role, or its ARN."
  }
}

variable "layer_arn" {
  type        = string
  description = "The layer's version in the function's region. If each architecture has its own layer, use layer_arns instead."
  default     = null

  validation {
    condition     = var.layer_arn == null || can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", var.layer_arn))
    error_message = "This is not the ARN of a layer's version, such as arn:aws:lambda:eu-west-1:123456789012:layer:flight-recorder:1."
  }
}

variable "layer_arns" {
  type        = map(string)
  description = "The versions of the standalone layers by architecture: { x86_64 = \"arn:…\", arm64 = \"arn:…\" }."
  default     = {}

  validation {
    condition = alltrue([
      for architecture, arn in var.layer_arns : contains(["x86_64", "arm64"], architecture) &&
      can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", arn))
    ])
    error_message = "The keys are x86_64 and arm64, and the values are ARNs of layers' versions."
  }
}

variable "architecture" {
  type        = string
  description = "The function's architecture. It chooses among layer_arns."
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "Either x86_64 or arm64."
  }
}

variable "memory_size" {
  type        = number
  description = "The function's memory in MB. If it is given, the module checks that the setting BUFFER_SIZE fits into half of it."
  default     = null
}

variable "function_layers" {
  type        = list(string)
  description = "The layers of the function's resource, as in aws_lambda_function.shop.layers. The Deny then comes after the function has the layer, and only with it."
  default     = null
}

variable "sink" {
  type        = string
  description = "cloudwatch:, cloudwatch:GROUP (a group of yours), records+cloudwatch: with or without one, s3://BUCKET/PREFIX, firehose:STREAM, or a URL such as otlp+https://collector:4318."
  default     = "cloudwatch:"

  validation {
    condition     = can(regex("^((records\\+)?cloudwatch:[A-Za-z0-9_./#-]*$|s3://.|firehose:.|([a-z]+(-json)?\\+)?https?://.)", var.sink))
    error_message = "The sink is cloudwatch:, cloudwatch:GROUP, s3://BUCKET/PREFIX, firehose:STREAM or a URL."
  }
}

variable "sample_rate" {
  type        = number
  description = "Share of healthy transactions whose lines are kept."
  default     = 0.1

  validation {
    condition     = var.sample_rate >= 0 && var.sample_rate <= 1
    error_message = "A share between 0 and 1."
  }
}

variable "retention_days" {
  type        = number
  description = "How long the log group of the kept lines keeps events."
  default     = 30

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.retention_days,
    )
    error_message = "CloudWatch offers 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653 days."
  }
}

variable "kms_key_arn" {
  type        = string
  description = "The KMS key that encrypts the log group. Its policy must allow the logs service."
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:", var.kms_key_arn))
    error_message = "CloudWatch takes the ARN of a key, not its id or alias."
  }
}

variable "keep_log_group" {
  type        = bool
  description = "Leave the log group in the account when the module is destroyed."
  default     = false
}

variable "own_log_group" {
  type        = string
  description = "With deny, Lambda may not write to the function's own log group, which saves its cost. With allow, the module leaves that group and its permissions alone."
  default     = "deny"

  validation {
    condition     = contains(["deny", "allow"], var.own_log_group)
    error_message = "Either deny or allow."
  }
}

variable "metrics" {
  type        = string
  description = "How often the recorder writes its own metrics. With off, it writes none, and there are no alarms."
  default     = "5m"
}

variable "metrics_fleet" {
  type        = string
  description = "A name that many functions share. They then share metrics, whose alarms the fleet's template makes once. If this is empty, the function has its own."
  default     = "flight-recorder"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{0,100}$", var.metrics_fleet))
    error_message = "A fleet's name has letters, digits, - and _."
  }
}

variable "alarms" {
  type        = bool
  description = "Make four alarms. They need metrics of the function's own, that is an empty metrics_fleet."
  default     = true
}

variable "alarm_topic_arns" {
  type        = list(string)
  description = "SNS topics that the alarms notify."
  default     = []
}

variable "saved_queries" {
  type        = bool
  description = "Save four queries for the kept lines in CloudWatch Logs Insights."
  default     = true
}

variable "settings" {
  type        = map(string)
  description = "Other settings of the recorder, without their prefix: { FLUSH = \"end\" }. They win over the module's own."
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[A-Z_]+$", name)) && !startswith(name, "FLIGHT_RECORDER_")])
    error_message = "Leave out the prefix FLIGHT_RECORDER_."
  }

  validation {
    condition     = length(setintersection(keys(var.settings), ["SINK", "FALLBACK_SINK"])) == 0
    error_message = "The sink is the variable sink. A FALLBACK_SINK needs permissions that the module does not give; set it in the function's environment."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of the log group and the alarms."
  default     = {}
}
