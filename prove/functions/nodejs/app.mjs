// Writes the lines that the event asks for, and ends in the way that it names.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const MARK = "/tmp/flight-recorder-prove";

export async function handler({ stem, count, way, label }, context) {
  const stream = process.env.AWS_LAMBDA_LOG_STREAM_NAME ?? "";
  const before = existsSync(MARK) ? readFileSync(MARK, "utf8") : "";
  writeFileSync(MARK, `${label} ${stream}`);
  for (let number = 1; number <= count; number++) console.log(`${stem} line ${number} of ${count}`);
  switch (way) {
    case "error-line":
      console.error(`${stem} error line`);
      break;
    case "exception":
      throw new RangeError(`made to fail: ${label}`);
    case "timeout":
      await new Promise((resolve) => setTimeout(resolve, 900_000));
      break;
    case "exit":
      process.exit(3);
      break;
    case "memory": {
      const hoard = [];
      for (;;) hoard.push(Buffer.alloc(8_000_000, 1));
    }
  }
  return { before, stream, requestId: context.awsRequestId };
}
