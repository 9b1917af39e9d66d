/** What can be done to a running job and its cluster, and how it is chosen. */
import type { World } from "./world.ts";

/** Faults of one family never happen side by side. */
export type Family = "instances" | "brokers" | "network" | "job";

/** A fault with all that chance decides about it. */
export interface Injection<Reach = World> {
  /** For the plan that is printed; `run` does exactly this. */
  readonly parameters: Readonly<
    Record<string, number | string | readonly string[]>
  >;
  /**
   * Resolves when everything is healed, which comes earlier when `signal` aborts.
   *
   * @throws {NotPossible} where this machine cannot do it.
   * @throws {Error} when it could not be healed.
   */
  run(world: Reach, signal: AbortSignal): Promise<void>;
}

export interface Fault<Reach = World> {
  readonly name: string;
  readonly family: Family;
  /** @param random numbers from 0 up to below 1; depends on nothing else. */
  prepare(random: () => number): Injection<Reach>;
}

/** The machine lacks what a fault needs; the message says what. */
export class NotPossible extends Error {
  override readonly name = "NotPossible";
}

/** A whole number from `least` to `most`. */
export const between = (
  random: () => number,
  least: number,
  most: number,
): number => least + Math.floor(random() * (most - least + 1));

export function oneOf<T>(random: () => number, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!;
}
