/** The delays of failed records, and the topics in which they wait. */
import { formatDuration, parseDuration } from "./duration.ts";

export interface DelayTopic {
  readonly topic: string;
  readonly delayMs: number;
}

const SHORTEST_MS = 100;
/** Well within the week that brokers keep records by default. */
const LONGEST_MS = 24 * 3_600_000;

/**
 * Reads a list such as `10s,1m,10m`.
 * @returns milliseconds, or null where the list is not one of ascending
 * durations from 100 ms to 24 h.
 */
export function parseDelays(text: string): readonly number[] | null {
  const delaysMs: number[] = [];
  for (const part of text.split(",")) {
    const ms = parseDuration(part);
    if (ms === null || !Number.isInteger(ms)) return null;
    if (ms < SHORTEST_MS || ms > LONGEST_MS) return null;
    if (ms <= (delaysMs.at(-1) ?? 0)) return null;
    delaysMs.push(ms);
  }
  return delaysMs;
}

export const formatDelays = (delaysMs: readonly number[]) =>
  delaysMs.map(formatDuration).join(",");

/** What every delay topic of an input topic is called to begin with. */
export const delayTopicPrefix = (inputTopic: string) => `${inputTopic}.retry.`;

/** The topics of `retryDelays`, as the settings have it. */
export function delayTopics(
  inputTopic: string,
  retryDelays: string | null,
): readonly DelayTopic[] {
  if (retryDelays === null) return [];
  return (parseDelays(retryDelays) ?? []).map((delayMs) => ({
    topic: delayTopicPrefix(inputTopic) + formatDuration(delayMs),
    delayMs,
  }));
}
