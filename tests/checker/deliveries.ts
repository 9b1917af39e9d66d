/** What a job has written: outputs, dead letters and records to be retried. */
import { DEAD, DELAYED, DELIVERED, WAITING } from "./ledger.ts";
import type { Seen } from "./observation.ts";
import { NOWHERE } from "./places.ts";
import type { State } from "./state.ts";

export function output(state: State, tp: number, seen: Seen): void {
  const { ledger, options } = state;
  if (seen.id === null) {
    return state.find("unexpected", seen, "an output that says no id");
  }
  const entry = ledger.entry(seen.id);
  const count = options.outputsOf(seen.id);
  const delivered = ledger.delivered(entry);
  const ordinal = seen.ordinal ?? nextOrdinal(delivered, count);
  if (ordinal >= count) {
    const demanded = count === 1 ? "1 output" : `${count} outputs`;
    const sentence = `output ${ordinal} of an input that demands ${demanded}`;
    return state.find("unexpected", seen, sentence);
  }
  const bit = (1 << ordinal) >>> 0;
  const isRepeated = (delivered & bit) !== 0 || ledger.has(entry, DEAD);
  ledger.deliver(entry, bit);
  if (!isRepeated) return deliver(state, tp, seen, entry, ordinal === 0);
  repeat(state, seen, entry, "its input was delivered already");
}

export function deadLetter(state: State, tp: number, seen: Seen): void {
  const { ledger } = state;
  if (seen.id === null) {
    return state.find("unexpected", seen, "a dead letter that says no id");
  }
  const entry = ledger.entry(seen.id);
  const isDead = ledger.has(entry, DEAD);
  ledger.learn(entry, DEAD);
  if (isDead) {
    repeat(state, seen, entry, "its input has a dead letter already");
  } else if (ledger.delivered(entry) !== 0) {
    repeat(state, seen, entry, "a dead letter, and its input has an output");
  } else deliver(state, tp, seen, entry, true);
}

export function delayed(state: State, tp: number, seen: Seen): void {
  const { ledger, commits, places } = state;
  if (seen.id === null) {
    return state.find("unexpected", seen, "a delayed record that says no id");
  }
  const entry = ledger.entry(seen.id);
  const isSettled = commits[tp]?.claims(seen.offset) ?? false;
  ledger.learn(entry, isSettled ? DELAYED : DELAYED | WAITING);
  // Only to show something where it has no input.
  if (ledger.firstDelivery(entry) !== NOWHERE) return;
  ledger.setFirstDelivery(entry, places.place(tp, seen.offset));
}

function deliver(
  { ledger, places }: State,
  tp: number,
  seen: Seen,
  entry: number,
  isFirst: boolean,
): void {
  ledger.learn(entry, DELIVERED);
  if (!isFirst && ledger.firstDelivery(entry) !== NOWHERE) return;
  ledger.setFirstDelivery(entry, places.place(tp, seen.offset));
}

function repeat(
  state: State,
  seen: Seen,
  entry: number,
  sentence: string,
): void {
  state.ledger.repeat(entry);
  state.rememberRepeat(entry, seen, sentence);
}

/** The first that was not delivered, or else the last. */
function nextOrdinal(delivered: number, count: number): number {
  const missing = ~delivered;
  const first = missing === 0 ? 31 : 31 - Math.clz32(missing & -missing);
  return Math.max(0, Math.min(first, count - 1));
}
