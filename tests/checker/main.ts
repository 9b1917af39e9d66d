/** `deno task check-history`: checks any job's topics from the command line. */
import { parseArgs } from "node:util";
import { IndependentClient } from "../support/independent_client.ts";
import { missingForKafka } from "../support/require_java.ts";
import { idSource } from "./extract.ts";
import { checkTopics, type CheckTopicsParts } from "./read.ts";
import { formatReport } from "./report.ts";

const USAGE = `usage: deno task check-history --brokers LIST --input TOPIC
         --output TOPIC... [options]

Reads the topics of a job with clients that are not Switchyard's, and says what
is lost, repeated, reordered or otherwise wrong.

  --brokers LIST         bootstrap servers, without encryption or login
  --input TOPIC          what the job reads
  --output TOPIC         what it writes; may be given again
  --dead-letters TOPIC   where its dead letters go; may be given again
  --retry TOPIC          where records wait for a retry; may be given again
  --group ID             its consumer group, to check what it has committed
  --history FILE         what the generator of the inputs did, as lines of JSON
  --id SOURCE            where records say their input's id: json:FIELD,
                         header:NAME or key; given again: the next to try
                         (default json:event_id)
  --guarantee G          at-least-once (default) or exactly-once
  --ordering O           partition (default), key or none
  --mid-flight           the job still runs: inputs may be not done yet
  --once                 no second reading, which takes as long as the first
  --json                 the report as JSON

exit status: 0 no anomalies, 1 anomalies, 2 nothing could be checked
`;

interface Wanted extends Omit<CheckTopicsParts, "client"> {
  readonly brokers: string;
  readonly json: boolean;
}

/** @throws {TypeError | RangeError} saying what is wrong. */
function wantedOf(args: readonly string[]): Wanted {
  const { values } = parseArgs({
    args: args[0] === "--" ? args.slice(1) : [...args],
    options: {
      brokers: { type: "string" },
      input: { type: "string" },
      output: { type: "string", multiple: true },
      "dead-letters": { type: "string", multiple: true, default: [] },
      retry: { type: "string", multiple: true, default: [] },
      group: { type: "string" },
      history: { type: "string" },
      id: { type: "string", multiple: true, default: ["json:event_id"] },
      guarantee: { type: "string", default: "at-least-once" },
      ordering: { type: "string", default: "partition" },
      "mid-flight": { type: "boolean", default: false },
      once: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const { brokers, input, output, group, history } = values;
  if (brokers === undefined || input === undefined || output === undefined) {
    throw new RangeError("--brokers, --input and --output are needed");
  }
  return {
    brokers,
    json: values.json,
    topics: {
      input,
      outputs: output,
      deadLetters: values["dead-letters"],
      retries: values.retry,
      ...(group === undefined ? {} : { group }),
    },
    ...(history === undefined ? {} : { history }),
    options: {
      id: values.id.map(idSource),
      guarantee: oneOf("guarantee", values.guarantee, [
        "at-least-once",
        "exactly-once",
      ]),
      ordering: oneOf("ordering", values.ordering, [
        "partition",
        "key",
        "none",
      ]),
      final: !values["mid-flight"],
      secondReading: !values.once,
    },
  };
}

function oneOf<T extends string>(
  name: string,
  value: string,
  allowed: readonly T[],
): T {
  const found = allowed.find((each) => each === value);
  if (found !== undefined) return found;
  throw new RangeError(`--${name} is ${allowed.join(" or ")}, not ${value}`);
}

/** @returns the exit status. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    console.log(USAGE);
    return 0;
  }
  let wanted: Wanted;
  try {
    wanted = wantedOf(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const missing = missingForKafka();
  if (missing !== undefined) {
    console.error(`Kafka's Java client reads the records: ${missing}`);
    return 2;
  }
  try {
    await using client = await IndependentClient.connect(wanted.brokers);
    const report = await checkTopics({
      ...wanted,
      client,
      onProgress: (what) => console.error(`reading ${what}`),
    });
    console.log(
      wanted.json ? JSON.stringify(report, null, 2) : formatReport(report),
    );
    return report.anomalies.length === 0 ? 0 : 1;
  } catch (error) {
    console.error(`not checked: ${(error as Error).message}`);
    return 2;
  }
}

Deno.exit(await main(Deno.args));
