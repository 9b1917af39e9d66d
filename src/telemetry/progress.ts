/**
 * From time to time a line for people who read the log of a job: how far it is.
 * While nothing moves it is silent, so that an idle job does not fill logs.
 */
import { count } from "./figures.ts";
import type { Log } from "./log.ts";
import type { PoolStatus } from "../pool/status.ts";

/** Milliseconds between two lines. */
export const PROGRESS_MS = 10_000;

export interface ProgressOptions {
  readonly log: Log;
  /** What moves; since the start. */
  readonly total: () => number;
  /** @param rate since the last look, as in `1,234/s` */
  readonly text: (rate: string) => string;
}

/** Until it is disposed. */
export function startProgress(
  { log, text, total }: ProgressOptions,
): Disposable {
  let last = { total: total(), atMs: performance.now() };
  const timer = setInterval(() => {
    const now = { total: total(), atMs: performance.now() };
    const perSecond = (now.total - last.total) * 1000 / (now.atMs - last.atMs);
    if (now.total !== last.total) log.info(text(`${count(perSecond)}/s`));
    last = now;
  }, PROGRESS_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** What the pool has done since its start, and what is left. */
export function progressText(
  { lag, totals }: Pick<PoolStatus, "lag" | "totals">,
  { inputTopic, outputTopic }: {
    readonly inputTopic: string;
    readonly outputTopic: string;
  },
  rate: string,
): string {
  const { consumed, deadLettered } = totals;
  const letters = deadLettered === 0
    ? ""
    : `, ${count(deadLettered)} to dead letters`;
  return `processed ${count(consumed)} of ${inputTopic} into ${outputTopic} ` +
    `(${rate})${letters}, lag ${lag === null ? "unknown" : count(lag)}`;
}
