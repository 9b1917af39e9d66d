/** Which fault comes when: a pure function of the seed. */
import { seededRandom } from "../support/load.ts";
import type { Fault, Injection } from "./fault.ts";
import type { World } from "./world.ts";

export interface PlannedFault<Reach = World> {
  readonly name: string;
  readonly injection: Injection<Reach>;
}

/** What begins at once; the next step begins when all of it is healed. */
export interface PlanStep<Reach = World> {
  /** From the end of the step before, in which the job runs undisturbed. */
  readonly quietMs: number;
  /** One, or two of different families. */
  readonly faults: readonly PlannedFault<Reach>[];
}

export interface PlanOptions<Reach = World> {
  readonly seed: number;
  readonly steps: number;
  readonly faults: readonly Fault<Reach>[];
  /** Of a second fault in a step; default 0.25. */
  readonly pairShare?: number;
  /** Of `quietMs`; default 6,000. */
  readonly mostQuietMs?: number;
}

const leastQuietMs = 1_000;

/**
 * Every fault comes once before any comes again, so that a plan of as many steps
 * as there are faults has all of them.
 */
export function makePlan<Reach = World>(
  options: PlanOptions<Reach>,
): PlanStep<Reach>[] {
  const { seed, steps, faults, pairShare = 0.25, mostQuietMs = 6_000 } =
    options;
  const random = seededRandom(seed);
  const next = shuffledForEver(faults, random);
  return Array.from({ length: steps }, () => {
    const quietMs = Math.round(
      leastQuietMs + random() * (mostQuietMs - leastQuietMs),
    );
    const first = next();
    const others = faults.filter(({ family }) => family !== first.family);
    const second = others.length > 0 && random() < pairShare
      ? others[Math.floor(random() * others.length)]
      : undefined;
    const chosen = second === undefined ? [first] : [first, second];
    return {
      quietMs,
      faults: chosen.map((fault) => ({
        name: fault.name,
        injection: fault.prepare(random),
      })),
    };
  });
}

/** A line a step. */
export function planText<Reach>(plan: readonly PlanStep<Reach>[]): string {
  return plan.map(({ quietMs, faults }, at) => {
    const words = faults.map(({ name, injection }) =>
      `${name} ${JSON.stringify(injection.parameters)}`
    );
    return `${at + 1}. after ${quietMs} ms: ${words.join(" with ")}`;
  }).join("\n");
}

function shuffledForEver<T>(
  items: readonly T[],
  random: () => number,
): () => T {
  let rest: T[] = [];
  return () => {
    if (rest.length === 0) rest = [...items];
    const [item] = rest.splice(Math.floor(random() * rest.length), 1);
    return item!;
  };
}
