/**
 * `deno task chaos`: faults without end on real brokers under load. Ends with one
 * line of JSON on stdout; exit status 1 when a promise was broken.
 */
import { parseArgs } from "node:util";
import { prepare } from "../runner/prepare.ts";
import { type ChaosOptions, runChaos } from "./chaos.ts";
import { faults } from "./faults/mod.ts";
import { makePlan, planText } from "./plan.ts";
import { resultText } from "./report_text.ts";

const usage = `usage: deno task chaos [options]

  --minutes M      how long faults are injected; default 3
  --seed S         chooses the faults; default: a random one, which is printed
  --guarantee G    at-least-once (default) or exactly-once
  --ordering O     partition (default), key or none
  --rate R         records a second; default 2000
  --instances N    of the job; default 3
  --partitions N   of input and output at the start; default 12
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
      guarantee: { ...text, default: "at-least-once" },
      ordering: text,
      rate: { ...text, default: "2000" },
      instances: { ...text, default: "3" },
      partitions: { ...text, default: "12" },
      faults: { ...text, default: "" },
      plan: { type: "boolean", default: false },
    },
  });
  const words = values.faults.split(",");
  const chosen = faults.filter(({ name }) =>
    words.some((word) => name.includes(word))
  );
  if (chosen.length === 0) {
    const names = faults.map(({ name }) => name).join(", ");
    throw new UsageError(
      `no fault is named ${values.faults}; there are ${names}`,
    );
  }
  const { ordering } = values;
  return {
    plan: values.plan,
    seed: number("--seed", values.seed, 0),
    guarantee: choice("--guarantee", values.guarantee, [
      "at-least-once",
      "exactly-once",
    ]),
    ...(ordering === undefined ? {} : {
      ordering: choice("--ordering", ordering, ["partition", "key", "none"]),
    }),
    lastsMs: number("--minutes", values.minutes, 0.1) * 60_000,
    mostStalledMs: 15_000,
    recordsPerSecond: number("--rate", values.rate, 1),
    instances: number("--instances", values.instances, 1),
    partitions: number("--partitions", values.partitions, 1),
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

function choice<T extends string>(
  name: string,
  text: string,
  choices: readonly T[],
): T {
  const found = choices.find((each) => each === text);
  if (found !== undefined) return found;
  throw new UsageError(`${name} takes ${choices.join(" or ")}, not "${text}"`);
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
      // Processes and mounts end with us, however we end.
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
  const chaos: ChaosOptions = { ...rest, steps, log: say, signal: stop.signal };
  const result = await runChaos(chaos);
  console.error(`\n${resultText(result)}`);
  console.log(JSON.stringify({ event: "chaos", ...result }));
  return result.violations.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
