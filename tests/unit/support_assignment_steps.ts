/**
 * A program that spreads the partitions of one worker over many and prints how
 * often V8 entered the blocks of `assignment.ts` meanwhile: its steps, where a
 * time would say more of the machine than of the code. V8 counts exactly in a
 * fresh process that does not optimise.
 *
 *     deno run --v8-flags=--no-opt,--no-maglev <file> <partitions> <workers>
 */
import { type Profiler, Session } from "node:inspector/promises";
import { balance } from "../../src/pool/assignment.ts";

const MODULE = new URL("../../src/pool/assignment.ts", import.meta.url).href;

const [partitions, workers] = Deno.args;
const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", {
  callCount: true,
  detailed: true,
});
balance(
  Array.from({ length: Number(workers) }, (_, id) => id),
  Array.from({ length: Number(partitions) }, (_, number) => ({
    id: `in-${number}`,
    load: 1 + number % 7,
    owner: 0,
  })),
);
const taken = await session.post("Profiler.takePreciseCoverage");
const { result } = taken as Profiler.TakePreciseCoverageReturnType;
const steps = result.filter((script) => script.url === MODULE)
  .flatMap((script) => script.functions)
  .flatMap((each) => each.ranges)
  .reduce((sum, range) => sum + range.count, 0);
console.log(steps);
session.disconnect();
