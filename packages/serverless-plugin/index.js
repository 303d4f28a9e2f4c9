"use strict";

// Attaches Flight Recorder to all functions of a service: layer, variables, permissions, and log groups of the kept lines.

/** The Pythons that the Python layer serves. */
const PYTHON = /^python3\.1[0-4]$/;

/** Lambda's bound. */
const MAX_LAYERS = 5;

/** A managed policy has at most 6,144 characters (IAM quotas), and the two ARNs of a function's log group at most 280. */
const FUNCTIONS_IN_A_POLICY = 20;

const LAYER = {
  anyOf: [{ type: "string", pattern: "^arn:[^:]+:lambda:[^:]+:[^:]+:layer:[^:]+:[0-9]+$" }, { type: "object" }],
};

const SCHEMA = {
  type: "object",
  properties: {
    flightRecorder: {
      type: "object",
      properties: {
        layer: LAYER,
        standaloneLayers: {
          type: "object",
          properties: { x86_64: LAYER, arm64: LAYER },
          additionalProperties: false,
        },
        sink: { type: "string", pattern: "^((records\\+)?cloudwatch:(?!arn:)|s3://.|firehose:.|([a-z]+(-json)?\\+)?https?://.)" },
        sampleRate: { type: "number", minimum: 0, maximum: 1 },
        retentionDays: { type: "integer" },
        kmsKeyArn: { anyOf: [{ type: "string", pattern: "^arn:" }, { type: "object" }] },
        ownLogGroup: { enum: ["deny", "allow"] },
        metrics: { type: "string" },
        metricsFleet: { type: "string", pattern: "^[A-Za-z0-9_-]{0,100}$" },
        settings: { type: "object", additionalProperties: { type: "string" } },
        exclude: { type: "array", items: { type: "string" } },
      },
      additionalProperties: false,
    },
  },
};

class FlightRecorder {
  constructor(serverless, options, { log }) {
    this.serverless = serverless;
    this.log = log;
    this.provider = serverless.getProvider("aws");
    this.attached = new Set();
    serverless.configSchemaHandler.defineCustomProperties(SCHEMA);
    this.hooks = {
      "after:package:initialize": () => this.attachAll(),
      "before:package:finalize": () => this.addResources(),
      // This command writes all layers and variables of a function anew. Without the layer, the Deny would leave it without a log.
      "before:deploy:function:initialize": () => this.attachAll(),
    };
  }

  get options() {
    return {
      sink: "cloudwatch:",
      sampleRate: 0.1,
      retentionDays: 30,
      ownLogGroup: "deny",
      metrics: "5m",
      metricsFleet: "flight-recorder",
      settings: {},
      exclude: [],
      ...this.serverless.service.custom?.flightRecorder,
    };
  }

  /** Give the layer and the variables to all functions that can have them, once. */
  attachAll() {
    const { options } = this;
    if (!options.layer && !options.standaloneLayers) {
      throw new this.serverless.classes.Error(
        "Flight Recorder: set custom.flightRecorder.layer to the ARN of the layer's version, such as " +
          "arn:aws:lambda:eu-west-1:123456789012:layer:flight-recorder:1.",
      );
    }
    const excluded = options.exclude.map(
      (pattern) => new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`),
    );
    for (const [key, fn] of Object.entries(this.serverless.service.functions ?? {})) {
      if (!this.attached.has(key) && !excluded.some((one) => one.test(key))) {
        this.attach(key, fn, options);
      }
    }
  }

  attach(key, fn, options) {
    // Lambda@Edge and container images take no layers.
    if (fn.image || (fn.events ?? []).some((event) => event && event.cloudFront)) {
      return;
    }
    const { provider } = this.serverless.service;
    const present = fn.layers ?? provider.layers ?? [];
    const ours = [options.layer, ...Object.values(options.standaloneLayers ?? {})].filter(Boolean).map(withoutVersion);
    if (present.some((layer) => ours.includes(withoutVersion(layer)))) {
      return;
    }
    const runtime = fn.runtime ?? provider.runtime ?? "nodejs";
    const architecture = fn.architecture ?? provider.architecture ?? "x86_64";
    const layer = options.layer && PYTHON.test(runtime) ? options.layer : options.standaloneLayers?.[architecture];
    if (!layer) {
      this.log.warning(
        `Flight Recorder is not attached to ${key}: no layer serves ${runtime} on ${architecture}. ` +
          "Set custom.flightRecorder.standaloneLayers, or exclude the function.",
      );
      return;
    }
    if (present.length >= MAX_LAYERS) {
      throw new this.serverless.classes.Error(
        `Flight Recorder: the function ${key} has ${present.length} layers, and Lambda takes ${MAX_LAYERS}. Exclude it.`,
      );
    }
    this.attached.add(key);
    fn.layers = [...present, layer];
    fn.environment = { ...this.variables(fn, options), ...fn.environment };
    fn.environment.FLIGHT_RECORDER_SINK = sinkOf(fn, options);
  }

  /** Return the variables of a function, but those that the service sets itself. */
  variables(fn, options) {
    // The recorder's metrics reach CloudWatch with the kept lines, or through the function's own log group.
    const isMeasured =
      options.metrics !== "off" && (placeOf(options).startsWith("cloudwatch:") || options.ownLogGroup === "allow");
    const found = {
      SAMPLE_RATE: String(options.sampleRate),
      ...(isMeasured ? { METRICS: options.metrics } : {}),
      ...(isMeasured && options.metricsFleet ? { METRICS_FLEET: options.metricsFleet } : {}),
      ...options.settings,
    };
    const set = this.serverless.service.provider.environment ?? {};
    return Object.fromEntries(
      Object.entries(found)
        .map(([name, value]) => [`FLIGHT_RECORDER_${name}`, value])
        .filter(([name]) => !(name in set)),
    );
  }

  /** Add the permissions and the log groups, when the template has the functions with their roles. */
  addResources() {
    const { options } = this;
    const resources = this.serverless.service.provider.compiledCloudFormationTemplate.Resources;
    const byRole = new Map();
    for (const key of this.attached) {
      const fn = this.serverless.service.functions[key];
      const id = this.provider.naming.getLambdaLogicalId(key);
      const role = roleName(resources[id].Properties.Role);
      const name = JSON.stringify(role);
      if (!byRole.has(name)) {
        byRole.set(name, { role, functions: [] });
      }
      byRole.get(name).functions.push({ id, fn });
      if (placeOf(options) === "cloudwatch:") {
        const group = `${id}FlightRecorderLogGroup`;
        resources[group] = logGroup(fn, options);
        after(resources[id], group);
      }
    }
    let number = 0;
    for (const { role, functions } of byRole.values()) {
      for (let start = 0; start < functions.length; start += FUNCTIONS_IN_A_POLICY) {
        number += 1;
        addPolicies(resources, number, { role, functions: functions.slice(start, start + FUNCTIONS_IN_A_POLICY), options });
      }
    }
  }
}

function addPolicies(resources, number, { role, functions, options }) {
  const statement = sinkStatement(functions, options);
  if (statement) {
    // The recorder may write from its first invocation on.
    const id = `FlightRecorderSink${number}`;
    resources[id] = policy(role, "Lets Flight Recorder write kept lines", statement);
    functions.forEach((one) => after(resources[one.id], id));
  }
  if (options.ownLogGroup === "deny") {
    // Lambda writes a function's log with the function's role. A Deny wins over any Allow. It comes after the functions have the
    // layer: with the Deny alone, a function logs nowhere.
    const id = `FlightRecorderOwnLogGroups${number}`;
    resources[id] = policy(role, "Keeps Lambda from writing what Flight Recorder does not keep", {
      Effect: "Deny",
      Action: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
      Resource: functions.flatMap(({ fn }) => groupArns(`/aws/lambda/${fn.name}`)),
    });
    functions.forEach((one) => after(resources[id], one.id));
  }
}

function policy(role, description, statement) {
  return {
    Type: "AWS::IAM::ManagedPolicy",
    Properties: {
      Description: description,
      PolicyDocument: { Version: "2012-10-17", Statement: [statement] },
      Roles: [role],
    },
  };
}

/** Return the permissions that the sink needs, and no more. */
function sinkStatement(functions, options) {
  const sink = placeOf(options);
  if (sink.startsWith("cloudwatch:")) {
    const groups = new Set(functions.map(({ fn }) => sinkOf(fn, options).replace(/^(records\+)?cloudwatch:/, "")));
    const resources = [...groups].flatMap(groupArns);
    return { Effect: "Allow", Action: ["logs:CreateLogStream", "logs:PutLogEvents"], Resource: resources };
  }
  if (sink.startsWith("s3://")) {
    const arn = `arn:\${AWS::Partition}:s3:::${sink.slice("s3://".length)}/*`;
    return { Effect: "Allow", Action: ["s3:PutObject"], Resource: [{ "Fn::Sub": arn }] };
  }
  if (sink.startsWith("firehose:")) {
    const stream = sink.slice("firehose:".length);
    const arn = `arn:\${AWS::Partition}:firehose:\${AWS::Region}:\${AWS::AccountId}:deliverystream/${stream}`;
    return { Effect: "Allow", Action: ["firehose:PutRecordBatch"], Resource: [{ "Fn::Sub": arn }] };
  }
  return undefined;
}

function groupArns(group) {
  const arn = `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:${group}`;
  return [{ "Fn::Sub": arn }, { "Fn::Sub": `${arn}:*` }];
}

function logGroup(fn, options) {
  return {
    Type: "AWS::Logs::LogGroup",
    // The log of failures outlives the service.
    DeletionPolicy: "RetainExceptOnCreate",
    UpdateReplacePolicy: "Retain",
    Properties: {
      LogGroupName: `/flight-recorder/${fn.name}`,
      RetentionInDays: options.retentionDays,
      ...(options.kmsKeyArn ? { KmsKeyId: options.kmsKeyArn } : {}),
    },
  };
}

function sinkOf(fn, options) {
  return placeOf(options) === "cloudwatch:" ? `${options.sink}/flight-recorder/${fn.name}` : options.sink;
}

/** Return where kept lines go. Of records+cloudwatch: only the name differs. */
function placeOf(options) {
  return options.sink.replace(/^records\+/, "");
}

/** Return a role's name, from a function's reference to it. */
function roleName(role) {
  if (typeof role === "string") {
    return role.slice(role.lastIndexOf("/") + 1);
  }
  if (role["Fn::GetAtt"]) {
    return { Ref: role["Fn::GetAtt"][0] };
  }
  // An ARN that CloudFormation alone knows. A role with a path would have more slashes.
  return { "Fn::Select": [1, { "Fn::Split": ["/", role] }] };
}

function after(resource, id) {
  resource.DependsOn = [...new Set([resource.DependsOn ?? []].flat().concat(id))];
}

function withoutVersion(layer) {
  return typeof layer === "string" ? layer.replace(/:[0-9]+$/, "") : JSON.stringify(layer);
}

module.exports = FlightRecorder;
