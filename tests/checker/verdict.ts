/** What can be judged only when everything is known. */
import {
  ABORTED,
  ACK_SEEN,
  ACKED,
  DELAYED,
  DELIVERED,
  FAILED,
  SENT,
} from "./ledger.ts";
import { exampleOf, type Shown } from "./observation.ts";
import { tpOf } from "./places.ts";
import type { State } from "./state.ts";

/** Adds to the findings and counts; call it once. */
export function judge(state: State): void {
  const { places, ledger } = state;
  for (let tp = 1; tp < places.size; tp++) judgeCommit(state, tp);
  for (let entry = 0; entry < ledger.size; entry++) {
    if (state.hasHistory) judgeSend(state, entry);
    judgeOrigin(state, entry);
    judgeRepeats(state, entry);
  }
}

function judgeCommit(state: State, tp: number): void {
  const commit = state.commits[tp];
  if (commit === undefined) return;
  const { topic, partition, offset } = commit;
  const end = Math.max(state.bounds(tp)?.high ?? 0, state.readings(tp).end);
  if (offset <= end) return;
  const shown: Shown = { topic, partition, offset, id: null, key: null };
  const sentence = `committed, and the log ends at ${end}`;
  state.find("committed beyond end", shown, sentence);
}

function judgeSend(state: State, entry: number): void {
  const { ledger, counts, places } = state;
  if (ledger.has(entry, FAILED)) {
    counts.failed++;
    return;
  }
  if (!ledger.has(entry, ACKED)) {
    if (ledger.has(entry, SENT)) counts.unknown++;
    return;
  }
  counts.acknowledged++;
  if (ledger.has(entry, ACK_SEEN)) return;
  const place = places.at(ledger.ackPlace(entry));
  const tp = tpOf(ledger.ackPlace(entry));
  const shown = { ...place, id: ledger.id(entry), key: null };
  if (place.offset < (state.bounds(tp)?.low ?? 0)) {
    counts.trimmed++;
  } else if (ledger.copies(entry) > 0) {
    const at = places.at(ledger.inputPlace(entry));
    const sentence =
      `acknowledged here, and found at [${at.partition}] @${at.offset}`;
    state.find("inconsistent offset", shown, sentence);
  } else {
    const sentence = "acknowledged here, and nowhere in the topic";
    state.find("acknowledged input missing", shown, sentence);
    if (!state.readings(tp).has(place.offset)) return;
    const other = "acknowledged here, where another record is";
    state.find("inconsistent offset", shown, other);
  }
}

/** Of what was delivered or delayed: whether there is an input. */
function judgeOrigin(state: State, entry: number): void {
  const { ledger, places, counts } = state;
  if (ledger.copies(entry) > 0) return;
  if (!ledger.has(entry, DELIVERED | DELAYED)) return;
  const shown = state.orphans.get(entry) ?? {
    ...places.at(ledger.firstDelivery(entry)),
    id: ledger.id(entry),
    key: null,
  };
  if (ledger.has(entry, FAILED)) {
    state.find("aborted read", shown, "the send of its input failed");
  } else if (ledger.has(entry, ABORTED)) {
    const sentence = "only an aborted transaction wrote its input";
    state.find("aborted read", shown, sentence);
  } else if (ledger.has(entry, ACKED)) {
    // That the input is gone is said already.
  } else if (mayBeTrimmed(state, entry)) {
    counts.untraceable++;
  } else {
    state.find("unexpected", shown, "there is no input with this id");
  }
}

/** Without an acknowledgement nobody knows where its input was. */
function mayBeTrimmed(state: State, entry: number): boolean {
  return (!state.hasHistory || state.ledger.has(entry, SENT)) &&
    state.inputTps.values().some((tp) => (state.bounds(tp)?.low ?? 0) > 0);
}

function judgeRepeats(state: State, entry: number): void {
  const { ledger, options, places, repeats, counts, findings } = state;
  const repeated = ledger.repeats(entry);
  if (repeated === 0) return;
  const id = ledger.id(entry);
  const furtherCopies = Math.max(0, ledger.copies(entry) - 1);
  const excess = repeated - furtherCopies * Math.max(1, options.outputsOf(id));
  if (excess <= 0) return;
  counts.repeated += excess;
  if (options.guarantee !== "exactly-once") return;
  for (let nth = 0; nth < excess; nth++) {
    findings.add("duplicate", () => {
      const known = repeats.filter((each) => each.entry === entry);
      return known[nth]?.example ?? exampleOf(
        { ...places.at(ledger.firstDelivery(entry)), id, key: null },
        "delivered here, and again elsewhere",
      );
    });
  }
}
