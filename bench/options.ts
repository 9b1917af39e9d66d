/** The command line of the bench. */
import { parseArgs } from "node:util";

export interface Options {
  readonly mode: "throughput" | "latency";
  /** Measures the mirror, not jobs. */
  readonly isMirror: boolean;
  /** Names of topics on the mirror's target. */
  readonly policy: "identity" | "default";
  /** Between the mirror's clusters; null: no proxy between them. */
  readonly roundTripMs: number | null;
  /** Which of them the mirror reaches through the proxy. */
  readonly farCluster: "source" | "target";
  /** Records of the throughput runs. */
  readonly messages: number;
  /** Each of them brings a trace. */
  readonly isTraced: boolean;
  /** Of the input topic. */
  readonly partitions: number;
  readonly outputPartitions: number;
  /** Names from `systems.ts`; null: the usual ones. */
  readonly systems: readonly string[] | null;
  /** 1: one order; 2: that order and its reverse; and so on. */
  readonly rounds: number;
  /** Before these: they warm the broker up, and do not count. */
  readonly uncountedRounds: number;
  /** Records/s; `half` of the steady rate of the last throughput run. */
  readonly rates: readonly (number | "half")[];
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Program and arguments that run Switchyard from the project's folder. */
  readonly ours: readonly string[];
  readonly brokerHeapMb: number;
}

/** Wrong words on the command line, or words that need something first. */
export class UsageError extends Error {}

export const USAGE = `usage: deno task bench [options]

  --messages N        records of each throughput run (2000000)
  --traced-records    each of them brings a trace that is sampled
  --systems a,b       only these; --systems all: every one
  --rounds N          one in each order, in turn (2)
  --uncounted-rounds N    before these, until broker and page cache are warm
  --latency           measure latency instead of throughput
  --rates a,b         records/s, or "half" of the steady rate of the last
                      throughput run (2000,4000,half)
  --warm-up S         seconds before latency is measured (10)
  --seconds S         seconds of measured latency (30)
  --partitions N      of the input topic (8)
  --output-partitions N   of the topics that are written (as the input)
  --heap MB           of the broker (1024)
  --ours "command"    runs Switchyard (as the task start does)

  --mirror            measure mirrors between two clusters instead of jobs,
                      with --latency at 20000/s; only prints its table
  --round-trip MS     also with this time between the clusters
  --far source        which of them is far away: source or target (source)
  --policy identity   names on the target: identity or default (identity)

Every run prints its table. Of jobs, one of at least 1000000 records, or 30 seconds of
latency, in which nothing was wrong replaces the table in bench/README.md,
but for throughput of some --systems.
`;

const OURS = [
  Deno.execPath(),
  "run",
  "-A",
  "--v8-flags=--max-semi-space-size=4",
  "src/main.ts",
  "start",
];

const OUR_MIRROR = [Deno.execPath(), "run", "-A", "src/main.ts", "mirror"];

/** @throws {UsageError} */
export function parseOptions(args: readonly string[]): Options {
  const values = parse(args);
  const isMirror = values.mirror;
  const rates = values.rates ?? (isMirror ? "20000" : "2000,4000,half");
  return {
    mode: values.latency ? "latency" : "throughput",
    isMirror,
    policy: oneOf("policy", values.policy, ["identity", "default"]),
    roundTripMs: values["round-trip"] === undefined
      ? null
      : count("round-trip", values["round-trip"]),
    farCluster: oneOf("far", values.far, ["source", "target"]),
    messages: count("messages", values.messages),
    isTraced: values["traced-records"],
    partitions: count("partitions", values.partitions),
    outputPartitions: count(
      "output-partitions",
      values["output-partitions"] ?? values.partitions,
    ),
    systems: values.systems?.split(",") ?? null,
    rounds: count("rounds", values.rounds),
    uncountedRounds: values["uncounted-rounds"] === undefined
      ? 0
      : count("uncounted-rounds", values["uncounted-rounds"]),
    rates: rates.split(",")
      .map((rate) => rate === "half" ? rate : count("rates", rate)),
    warmUpSeconds: count("warm-up", values["warm-up"]),
    seconds: count("seconds", values.seconds),
    ours: values.ours?.trim().split(/\s+/) ?? (isMirror ? OUR_MIRROR : OURS),
    brokerHeapMb: count("heap", values.heap),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: args[0] === "--" ? args.slice(1) : [...args],
      options: {
        messages: { type: "string", default: "2000000" },
        "traced-records": { type: "boolean", default: false },
        partitions: { type: "string", default: "8" },
        "output-partitions": { type: "string" },
        systems: { type: "string" },
        rounds: { type: "string", default: "2" },
        "uncounted-rounds": { type: "string" },
        latency: { type: "boolean", default: false },
        rates: { type: "string" },
        mirror: { type: "boolean", default: false },
        "round-trip": { type: "string" },
        far: { type: "string", default: "source" },
        policy: { type: "string", default: "identity" },
        "warm-up": { type: "string", default: "10" },
        seconds: { type: "string", default: "30" },
        heap: { type: "string", default: "1024" },
        ours: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n")[0]);
  }
}

function count(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new UsageError(`--${name} takes whole numbers above 0, not "${text}"`);
}

function oneOf<T extends string>(
  name: string,
  text: string,
  known: readonly T[],
): T {
  const found = known.find((each) => each === text);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} is ${known.join(" or ")}, not "${text}"`);
}
