/**
 * `deno task mirror-chaos`: faults without end on two real clusters and the
 * mirrors between them. Ends with one line of JSON on stdout; exit status 1 when
 * a promise was broken.
 */
import { parseArgs } from "node:util";
import { makePlan, planText } from "../chaos/plan.ts";
import { prepare } from "../runner/prepare.ts";
import { mirrorFaults } from "./faults.ts";
import {
  type MirrorChaosOptions,
  type MirrorChaosResult,
  runMirrorChaos,
} from "./mirror_chaos.ts";
import { resultText } from "./result_text.ts";

const usage = `usage: deno task mirror-chaos [options]

  --minutes M      how long faults are injected; default 3
  --seed S         chooses the faults; default: a random one, which is printed
  --rate R         records a second; default 1000
  --brokers N      of the source, 1 or 3; default 3; the target has one
  --mirrors N      processes of the mirror; default 3
  --lanes N        default 6
  --partitions N   of each topic at the start; default 6
  --moments N      how often the world stands still after the faults, and the
                   cut is judged: with a job on the source; default 0
  --faults A,B     only those whose name contains one of these
  --plan           print the plan and end
`;

class UsageError extends Error {}

function say(text: string): void {
  const time = new Date().toISOString().slice(11, 23);
  console.error(`${time} ${text}`);
}

function options(args: readonly string[]) {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: args[0] === "--" ? args.slice(1) : [...args],
    options: {
      minutes: { ...text, default: "3" },
      seed: { ...text, default: String(Math.floor(Math.random() * 1e6)) },
      rate: { ...text, default: "1000" },
      brokers: { ...text, default: "3" },
      mirrors: { ...text, default: "3" },
      lanes: { ...text, default: "6" },
      partitions: { ...text, default: "6" },
      moments: { ...text, default: "0" },
      faults: { ...text, default: "" },
      plan: { type: "boolean", default: false },
    },
  });
  const words = values.faults.split(",");
  const chosen = mirrorFaults.filter(({ name }) =>
    words.some((word) => name.includes(word))
  );
  if (chosen.length === 0) {
    const names = mirrorFaults.map(({ name }) => name).join(", ");
    throw new UsageError(
      `no fault is named ${values.faults}; there are ${names}`,
    );
  }
  const brokers = number("--brokers", values.brokers, 1);
  if (brokers !== 1 && brokers !== 3) {
    throw new UsageError(`--brokers takes 1 or 3, not "${values.brokers}"`);
  }
  const moments = number("--moments", values.moments, 0);
  return {
    plan: values.plan,
    seed: number("--seed", values.seed, 0),
    lastsMs: number("--minutes", values.minutes, 0) * 60_000,
    recordsPerSecond: number("--rate", values.rate, 1),
    brokers: brokers as 1 | 3,
    mirrors: number("--mirrors", values.mirrors, 1),
    lanes: number("--lanes", values.lanes, 1),
    partitions: number("--partitions", values.partitions, 1),
    moments,
    jobInstances: moments > 0 ? 1 : 0,
    faults: chosen,
  };
}

function number(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= least) {
    return value;
  }
  throw new UsageError(
    `${name} takes a number from ${least} on, not "${text}"`,
  );
}

/** A step takes some seconds at the least: more will not fit. */
const leastStepMs = 2_000;

async function main(args: readonly string[]): Promise<number> {
  let chosen: ReturnType<typeof options>;
  try {
    chosen = options(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  const { plan, ...rest } = chosen;
  const steps = Math.ceil(rest.lastsMs / leastStepMs);
  if (plan) {
    console.log(planText(makePlan({ ...rest, steps })));
    return 0;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      // Processes end with us, however we end.
      if (stop.signal.aborted) Deno.exit(1);
      say(`${signal}: healing, draining, judging; again: ends at once`);
      stop.abort();
    });
  }
  const { missing } = await prepare(stop.signal);
  if (missing !== undefined) {
    console.error(missing);
    return 1;
  }
  say(`seed ${rest.seed}`);
  const chaos: MirrorChaosOptions = {
    ...rest,
    steps,
    spareMirrors: 1,
    optimizeFor: "throughput",
    log: say,
    signal: stop.signal,
  };
  let result: MirrorChaosResult;
  try {
    result = await runMirrorChaos(chaos);
  } catch (error) {
    // Deno shows only the outermost one when nobody catches it.
    for (const each of causes(error)) console.error(each);
    return 1;
  }
  console.error(`\n${resultText(result)}`);
  console.log(JSON.stringify({ event: "mirror-chaos", ...result }));
  return result.violations.length === 0 ? 0 : 1;
}

/** What failed, and what failed because of it while all was disposed of. */
function* causes(error: unknown): Generator<unknown> {
  if (!(error instanceof SuppressedError)) {
    yield error;
    return;
  }
  yield* causes(error.suppressed);
  yield* causes(error.error);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
