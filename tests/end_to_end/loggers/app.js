// A function that logs with the logger that its event names. Its packages are beside it, as in a deployment package.
// tests/end_to_end/test_loggers.py runs it.
"use strict";

const CARGO = "cargo-5d1f";

// What they have in common: info, warn and error, each with a message and perhaps an error.
const withLevels = (write) =>
  Object.fromEntries(
    ["info", "warn", "error"].map((level) => [level, (message, error) => write(level, message, error)]),
  );

const withErrorFirst = (log) =>
  withLevels((level, message, error) => (error ? log[level](error, message) : log[level](message)));

const pino = (options) => withErrorFirst(require("pino")(options));

const winston = (format, transport = {}) => {
  const { createLogger, format: formats, transports } = require("winston");
  return createLogger({
    format: formats.combine(formats.errors({ stack: true }), format(formats)),
    transports: [new transports.Console(transport)],
  });
};

const log4js = (configuration) => {
  const log = require("log4js").configure(configuration).getLogger("shop");
  log.level = "info";
  return log;
};

const LOGGERS = {
  pino: () => pino(),
  "pino, ECS": () => pino(require("@elastic/ecs-pino-format")()),
  "pino, labels": () => pino({ formatters: { level: (level) => ({ level }) } }),
  "winston, json": () => winston((formats) => formats.json()),
  "winston, simple": () => winston((formats) => formats.simple()),
  "winston, json through the console": () => winston((formats) => formats.json(), { forceConsole: true }),
  "winston, simple through the console": () => winston((formats) => formats.simple(), { forceConsole: true }),
  bunyan: () => withErrorFirst(require("bunyan").createLogger({ name: "shop" })),
  log4js: () => log4js({ // the default: coloured, on stdout
    appenders: { out: { type: "stdout" } },
    categories: { default: { appenders: ["out"], level: "info" } },
  }),
  "log4js, through the console": () => log4js({
    appenders: { console: { type: "console", layout: { type: "basic" } } },
    categories: { default: { appenders: ["console"], level: "info" } },
  }),
  "@aws-lambda-powertools/logger": () => {
    const { Logger } = require("@aws-lambda-powertools/logger");
    return new Logger({ serviceName: "shop" });
  },
  console: () =>
    withLevels((level, message, error) => (error ? console[level](message, error) : console[level](message))),
  "console, JSON": () =>
    withLevels((level, message, error) =>
      console.log(JSON.stringify({ level, message, stack: error && error.stack })),
    ),
};

const METRICS = {
  "aws-embedded-metrics": async () => {
    const metrics = require("aws-embedded-metrics").createMetricsLogger();
    metrics.setNamespace("shop").putMetric("orders", 3, "Count");
    await metrics.flush();
  },
  "@aws-lambda-powertools/metrics": async () => {
    const { Metrics } = require("@aws-lambda-powertools/metrics");
    const metrics = new Metrics({ namespace: "shop", serviceName: "checkout" });
    metrics.addMetric("orders", "Count", 3);
    metrics.publishStoredMetrics();
  },
};

const lookUp = (order) => order.total.amount;

// Log, and return normally, whatever was logged. Or write metrics between two lines.
exports.handler = async (event) => {
  if (event.metrics) {
    console.log(`${CARGO} order 17 begins`);
    await METRICS[event.metrics]();
    console.log(`${CARGO} order 17 ends`);
    return null;
  }
  const log = LOGGERS[event.logger]();
  log.info(`${CARGO} order 17 begins, 0 errors`);
  if (event.kind === "error") log.error(`${CARGO} payment refused`);
  try {
    lookUp({});
  } catch (error) {
    if (event.kind === "exception") log.error(`${CARGO} lookup failed`, error);
    else log.warn(`${CARGO} lookup failed, default used`, error);
  }
  log.warn(`${CARGO} retrying payment`);
  log.info(`${CARGO} order 17 ends`);
  return null;
};
