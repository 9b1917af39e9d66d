/** The settings of retries; a part of the table. */
import { optionalSetting, setting } from "./field.ts";
import { delayList, wholeNumber } from "./kinds.ts";

export const retries = {
  retryAttempts: setting(wholeNumber(1, 1000), {
    env: "RETRY_ATTEMPTS",
    unit: "attempts",
    default: 3,
    why: "1 is no retry; what a thousand did not mend needs a person",
    description: "How often a record is tried, the first time included, " +
      "before it becomes a dead letter.",
  }),
  retryBackoffMs: setting(wholeNumber(0, 3_600_000), {
    env: "RETRY_BACKOFF_MS",
    unit: "ms",
    default: 100,
    why: "an hour is the most",
    description: "Wait before the second attempt, of which half is chance; " +
      "it doubles for each further one. A processor may wish for another.",
  }),
  retryInPlaceMs: setting(wholeNumber(0, 60_000), {
    env: "RETRY_IN_PLACE_MS",
    unit: "ms",
    default: 1000,
    why: "what must stay in order waits behind it, and so does a rebalance",
    description: "Longest wait in which a record keeps its place, while its " +
      "partition or key waits and others go on. Without `retryDelays` no wait " +
      "is longer.",
  }),
  retryDelays: optionalSetting(delayList, {
    env: "RETRY_DELAYS",
    unset: "no delay topics",
    description: "Where records wait longer than `retryInPlaceMs`, shortest " +
      "first, such as `10s,1m,10m`: each delay has a topic, the input topic + " +
      "`.retry.10s` and so on. Of those as long as the wait the shortest is " +
      "taken, else the longest. Let a topic run empty before you remove its " +
      "delay: it is read no more.",
  }),
};
