import { optionalSetting, setting } from "./field.ts";
import { delayList, wholeNumber } from "./kinds.ts";

/** The rows of the table that say how failed records are tried again. */
export const retries = {
  retryAttempts: setting(wholeNumber(1, 100), {
    env: "RETRY_ATTEMPTS",
    unit: "attempts",
    default: 3,
    why: "1 tries nothing again; what fails a hundred times will fail again",
    description: "Attempts at a record, the first one included, before it " +
      "goes to the dead letters.",
  }),
  retryBackoffMs: setting(wholeNumber(1, 3_600_000), {
    env: "RETRY_BACKOFF_MS",
    unit: "ms",
    default: 100,
    why: "none would only repeat what has just failed; an hour is the most",
    description: "Wait before the second attempt; doubled for each further " +
      "one, with jitter.",
  }),
  retryInPlaceMs: setting(wholeNumber(0, 3_600_000), {
    env: "RETRY_IN_PLACE_MS",
    unit: "ms",
    default: 1000,
    why: "what comes behind in the same order waits as long",
    description: "Longest wait that keeps the record's place in the order. " +
      "Longer ones go through the delay topics.",
  }),
  retryDelays: optionalSetting(delayList, {
    env: "RETRY_DELAYS",
    unset: "no delay topics",
    description: "Delays of failed records, shortest first, such as " +
      "`10s,1m,10m`. Each has a topic, the input topic + `.retry.10s` and so " +
      "on, in which they wait and survive restarts. Let a topic run empty " +
      "before you remove its delay: it is read no more.",
  }),
};
