#!/usr/bin/env bash
# Attaches Flight Recorder to an existing function, with the aws command alone (docs/attach/aws-cli.md). You may safely run it
# again: each step leaves the function's other layers, variables and policies as they are.
set -euo pipefail

usage() {
    cat <<'TEXT'
./attach.sh FUNCTION LAYER_ARN [OPTION...]

  --sink SINK            cloudwatch: (the default), s3://BUCKET/PREFIX, firehose:STREAM, or a URL
  --sample-rate RATE     share of healthy transactions whose lines are kept; default 0.1
  --retention-days DAYS  how long the log groups keep events; default 30
  --own-log-group WHAT   with deny (the default), Lambda may not write to the function's own log group, which saves its
                         cost; with allow, it writes everything
  --metrics INTERVAL     how often the recorder writes its own metrics; default 5m; with off, none and no alarms
  --metrics-fleet NAME   a name that many functions share: they then share metrics, whose alarms ../fleet makes once; with "",
                         the function has its own; default: as it is, and flight-recorder for a function that is new
  --alarm-topic ARN      the SNS topic that alarms notify
  --dashboard FILE       a dashboard, such as ../dashboard.json

You need these permissions: lambda:GetFunctionConfiguration, lambda:GetLayerVersion, lambda:UpdateFunctionConfiguration,
iam:PutRolePolicy, logs:CreateLogGroup, logs:PutRetentionPolicy, cloudwatch:PutMetricAlarm, cloudwatch:DeleteAlarms,
cloudwatch:PutDashboard.
TEXT
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "attach.sh: $*"; exit 1; }

SINK="cloudwatch:" RATE=0.1 RETENTION=30 OWN=deny METRICS=5m TOPIC="" DASHBOARD="" FLEET="" FLEET_GIVEN=""
[[ "${1:-}" != -h && "${1:-}" != --help ]] || { usage; exit 0; }
[[ $# -ge 2 && "$1" != -* && "$2" != -* ]] || { usage >&2; exit 2; }
FUNCTION="$1" LAYER="$2"
shift 2
while [[ $# -gt 0 ]]; do
    [[ $# -ge 2 ]] || fail "$1 is an option without a value"
    case "$1" in
        --sink) SINK="$2" ;;
        --sample-rate) RATE="$2" ;;
        --retention-days) RETENTION="$2" ;;
        --own-log-group) OWN="$2" ;;
        --metrics) METRICS="$2" ;;
        --metrics-fleet) FLEET="$2" FLEET_GIVEN=yes ;;
        --alarm-topic) TOPIC="$2" ;;
        --dashboard) DASHBOARD="$2" ;;
        *) fail "there is no option $1; --help shows them" ;;
    esac
    shift 2
done
[[ "$OWN" == deny || "$OWN" == allow ]] || fail "--own-log-group is deny or allow"
[[ "$LAYER" =~ ^arn:[^:]+:lambda:[^:]+:[^:]+:layer:[^:]+:[0-9]+$ ]] || fail "$LAYER is not the ARN of a layer's version"
[[ "$FLEET" =~ ^[A-Za-z0-9_-]*$ ]] || fail "--metrics-fleet is a name of letters, digits, - and _"
# These values become parts of JSON and of ARNs below.
[[ "$SINK$RATE$METRICS$TOPIC" != *[\"\`\\]* ]] || fail "a value has a quote, a backtick or a backslash"
[[ -z "$DASHBOARD" || -f "$DASHBOARD" ]] || fail "there is no file $DASHBOARD"
command -v aws >/dev/null || fail "the aws command is not installed: https://aws.amazon.com/cli/"

# The function's ARN has the partition, region and account. Its LoggingConfig may name another log group.
read -r ARN ROLE_ARN OWN_GROUP FORMAT LEVEL OLD_FLEET < <(aws lambda get-function-configuration --function-name "$FUNCTION" --output text \
    --query "[FunctionArn, Role, LoggingConfig.LogGroup || 'none', LoggingConfig.LogFormat || 'Text',
              LoggingConfig.ApplicationLogLevel || 'none', 
              Environment.Variables.FLIGHT_RECORDER_METRICS_FLEET == '' && '=' || Environment.Variables.FLIGHT_RECORDER_METRICS_FLEET
              || 'none']") || true
[[ -n "${ARN:-}" ]] || fail "cannot read the function; aws printed the reason above"
IFS=: read -r _ PARTITION _ REGION ACCOUNT _ FUNCTION <<<"$ARN"
FUNCTION="${FUNCTION%%:*}"
case "${OLD_FLEET:-none}" in
    none) OLD_FLEET=flight-recorder ;;
    =) OLD_FLEET="" ;;
esac
[[ -n "$FLEET_GIVEN" ]] || FLEET="$OLD_FLEET"
[[ "$OWN_GROUP" != none ]] || OWN_GROUP="/aws/lambda/$FUNCTION"
ROLE="${ROLE_ARN##*/}"
KEPT_GROUP="/flight-recorder/$FUNCTION"
LOGS="arn:$PARTITION:logs:$REGION:$ACCOUNT:log-group"
aws() { command aws --region "$REGION" "$@"; }

# The permissions that the sink needs, and no more. docs/sinks/ has them for each sink.
[[ "$SINK" != "cloudwatch:" ]] || SINK="cloudwatch:$KEPT_GROUP"
case "$SINK" in
    cloudwatch:*)
        KEPT_GROUP="${SINK#cloudwatch:}"
        ACTIONS='["logs:CreateLogStream", "logs:PutLogEvents"]'
        RESOURCES="[\"$LOGS:$KEPT_GROUP\", \"$LOGS:$KEPT_GROUP:*\"]" ;;
    s3://*) ACTIONS='"s3:PutObject"' RESOURCES="\"arn:$PARTITION:s3:::${SINK#s3://}/*\"" ;;
    firehose:*)
        ACTIONS='"firehose:PutRecordBatch"'
        RESOURCES="\"arn:$PARTITION:firehose:$REGION:$ACCOUNT:deliverystream/${SINK#firehose:}\"" ;;
    *://*) ACTIONS="" RESOURCES="" ;;
    *) fail "--sink is cloudwatch:, s3://BUCKET/PREFIX, firehose:STREAM or a URL" ;;
esac

log_group() {
    local said
    if ! said="$(aws logs create-log-group --log-group-name "$1" 2>&1)"; then
        [[ "$said" == *ResourceAlreadyExists* ]] || fail "$said"
    fi
    aws logs put-retention-policy --log-group-name "$1" --retention-in-days "$RETENTION"
    say "log group $1, $RETENTION days"
}
[[ "$SINK" != cloudwatch:* ]] || log_group "$KEPT_GROUP"
[[ "$OWN" == deny ]] || log_group "$OWN_GROUP"

# Lambda writes a function's log with the function's role. A Deny wins over any Allow, such as that of
# AWSLambdaBasicExecutionRole, which may stay. Several functions may share the role, so the Deny names only this one's group.
[[ "$OWN" == deny ]] && EFFECT=Deny || EFFECT=Allow
STATEMENTS='{"Effect": "'"$EFFECT"'", "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": ["'"$LOGS:$OWN_GROUP"'", "'"$LOGS:$OWN_GROUP"':*"]}'
[[ -z "$ACTIONS" ]] || STATEMENTS+=', {"Effect": "Allow", "Action": '"$ACTIONS"', "Resource": '"$RESOURCES"'}'
aws iam put-role-policy --role-name "$ROLE" --policy-name "flight-recorder-$FUNCTION" \
    --policy-document '{"Version": "2012-10-17", "Statement": ['"$STATEMENTS"']}'
say "role $ROLE: policy flight-recorder-$FUNCTION, which has $EFFECT for $OWN_GROUP"

# The recorder's metrics reach CloudWatch with the kept lines, or through the function's own log group. With neither, no alarm
# could ever ring.
NOT=""
[[ "$SINK" == cloudwatch:* || "$OWN" == allow ]] ||
    NOT="neither the sink nor the function's own log group takes the recorder's metrics to CloudWatch"
[[ "$METRICS" != off ]] || NOT="metrics are off"
[[ -z "$NOT" ]] || METRICS=off
# A fleet's metrics are not the function's, so the function has no alarms and no dashboard.
[[ -n "$NOT" || -z "$FLEET" ]] || NOT="the metrics are those of the fleet $FLEET (docs/metrics.md)"

# An update replaces all layers and all variables, so the script merges them with the existing ones. The variables may hold
# secrets, so they go through a file that only you can read.
NEW='{"FLIGHT_RECORDER_SINK": "'"$SINK"'", "FLIGHT_RECORDER_SAMPLE_RATE": "'"$RATE"'", "FLIGHT_RECORDER_METRICS": "'"$METRICS"'"'
[[ "$METRICS" == off && -z "$FLEET_GIVEN" ]] || NEW+=', "FLIGHT_RECORDER_METRICS_FLEET": "'"$FLEET"'"'
NEW+='}'
CHANGE="$(mktemp)"
trap 'rm -f "$CHANGE"' EXIT
aws lambda get-function-configuration --function-name "$FUNCTION" --output json >"$CHANGE" \
    --query "{FunctionName: FunctionName, Environment: {Variables: merge(Environment.Variables || \`{}\`, \`$NEW\`)},
              Layers: [(Layers || \`[]\`)[?!starts_with(Arn, '${LAYER%:*}:')].Arn, ['$LAYER']][]}"
# This change also makes Lambda replace the running environments, which keep the permissions that they began with.
aws lambda update-function-configuration --cli-input-json "file://$CHANGE" --query LastUpdateStatus >/dev/null
aws lambda wait function-updated --function-name "$FUNCTION"
say "function $FUNCTION: layer $LAYER, sink $SINK"

alarm() {
    local name="$1" description="$2"
    shift 2
    aws cloudwatch put-metric-alarm --alarm-name "$FUNCTION-flight-recorder-$name" --alarm-description "$description" \
        --treat-missing-data notBreaching ${TOPIC:+--alarm-actions "$TOPIC"} "$@"
    say "alarm $FUNCTION-flight-recorder-$name"
}
OF_RECORDER=(--namespace FlightRecorder --dimensions "Name=FunctionName,Value=$FUNCTION" --period 300)
hourly() {
    printf '{"Id": "%s", "ReturnData": false, "MetricStat": {"Period": 3600, "Stat": "Sum", "Metric": {"Namespace": "%s",
        "MetricName": "Invocations", "Dimensions": [{"Name": "FunctionName", "Value": "%s"}]}}}' "$1" "$2" "$FUNCTION"
}

if [[ -n "$NOT" ]]; then
    # The alarms of an earlier run would never ring, except for the last, which would not stop.
    aws cloudwatch delete-alarms --alarm-names "$FUNCTION-flight-recorder-"{delivery-failing,lines-lost,buffer-full,silent} \
        >/dev/null 2>&1 || true
    say "no alarms: $NOT"
else
    alarm delivery-failing "The sink did not take deliveries in two of three intervals (docs/delivery.md)" \
        "${OF_RECORDER[@]}" --metric-name FailedDeliveries --statistic Sum --evaluation-periods 3 --datapoints-to-alarm 2 \
        --threshold 1 --comparison-operator GreaterThanThreshold
    alarm lines-lost "The recorder could not deliver kept lines anywhere (docs/delivery.md)" \
        "${OF_RECORDER[@]}" --metric-name LostLines --statistic Sum --evaluation-periods 1 \
        --threshold 0 --comparison-operator GreaterThanThreshold
    alarm buffer-full "The buffer was nearly full, so recordings may have gaps. Raise FLIGHT_RECORDER_BUFFER_SIZE" \
        "${OF_RECORDER[@]}" --metric-name BufferUsed --statistic Maximum --evaluation-periods 3 --datapoints-to-alarm 2 \
        --threshold 90 --comparison-operator GreaterThanThreshold
    # A recorder that cannot deliver cannot say so either. So this alarm compares with Lambda's own count. It looks at an hour,
    # because a frozen environment writes its metrics when it thaws or ends.
    alarm silent "The function was invoked, and the recorder wrote no metric for two hours" \
        --evaluation-periods 2 --threshold 0 --comparison-operator GreaterThanThreshold --metrics \
        '[{"Id": "silent", "ReturnData": true, "Expression": "IF(FILL(invoked, 0) > 0 AND FILL(recorded, 0) == 0, 1, 0)"},
          '"$(hourly invoked AWS/Lambda), $(hourly recorded FlightRecorder)]"
fi

if [[ -n "$DASHBOARD" && -z "$FLEET" ]]; then
    aws cloudwatch put-dashboard --dashboard-name "flight-recorder-$FUNCTION" >/dev/null \
        --dashboard-body "$(sed -e "s/FUNCTION_NAME/$FUNCTION/g" -e "s/REGION/$REGION/g" "$DASHBOARD")"
    say "dashboard flight-recorder-$FUNCTION"
fi

if [[ "$FORMAT" == JSON && "$LEVEL" != TRACE && "$LEVEL" != DEBUG ]]; then
    say "note: the application log level is $LEVEL, so the function never writes lines below it, and nobody can record them;" \
        "aws lambda update-function-configuration --function-name $FUNCTION --logging-config ApplicationLogLevel=DEBUG"
fi
[[ "$SINK" != cloudwatch:* ]] || say "to see the kept lines: aws logs tail $KEPT_GROUP --follow"
