/** The inputs, when all that the job wrote is known. */
import {
  ACK_SEEN,
  DEAD,
  DELAYED,
  FAILED,
  type Ledger,
  SENT,
  SENT_AGAIN,
  WAITING,
} from "./ledger.ts";
import type { Seen } from "./observation.ts";
import { NOWHERE, offsetOf, tpOf } from "./places.ts";
import type { State } from "./state.ts";

export function input(state: State, tp: number, seen: Seen): void {
  const { ledger, places } = state;
  state.inputTps.add(tp);
  if (seen.id === null) {
    return state.find("unexpected", seen, "an input that says no id");
  }
  const entry = ledger.entry(seen.id);
  const place = places.place(tp, seen.offset);
  ledger.copy(entry);
  if (ledger.copies(entry) === 1) {
    ledger.setInputPlace(entry, place);
    checkOrder(state, entry, tp, seen);
  }
  if (ledger.ackPlace(entry) === place) ledger.learn(entry, ACK_SEEN);
  if (state.hasHistory) compareWithHistory(state, entry, seen);
  if (!isDone(ledger, entry, state.options.outputsOf(seen.id))) {
    notDone(state, entry, tp, seen);
  }
}

function isDone(ledger: Ledger, entry: number, outputs: number): boolean {
  if (outputs === 0) return true;
  // How much of a further copy is done cannot be told apart from the first.
  return ledger.repeats(entry) >= ledger.copies(entry) - 1 &&
    (ledger.has(entry, DEAD) || ledger.delivered(entry) === 2 ** outputs - 1);
}

function notDone(state: State, entry: number, tp: number, seen: Seen): void {
  if (state.options.final) {
    state.find("lost", seen, "an input without output or dead letter");
  } else state.counts.pending++;
  const commit = state.commits[tp];
  if (!commit?.claims(seen.offset) || state.ledger.has(entry, WAITING)) return;
  const how = seen.offset < commit.offset
    ? `below the committed offset ${commit.offset}`
    : `settled by the metadata of the committed offset ${commit.offset}`;
  state.find("committed beyond processed", seen, `${how}, and not done`);
}

function compareWithHistory(state: State, entry: number, seen: Seen): void {
  const { ledger, options } = state;
  if (!ledger.has(entry, SENT)) {
    state.find("unexpected", seen, "an input that the history does not send");
  } else if (ledger.has(entry, FAILED)) {
    const sentence = "its send failed, and read_committed readers see it";
    state.find("aborted read", seen, sentence);
  } else if (
    options.guarantee === "exactly-once" &&
    ledger.copies(entry) > 1 && !ledger.has(entry, SENT_AGAIN)
  ) {
    const sentence = "an input that was sent once is there again";
    state.find("duplicate", seen, sentence);
  }
}

function checkOrder(state: State, entry: number, tp: number, seen: Seen) {
  const { ledger, places, order } = state;
  const place = ledger.firstDelivery(entry);
  if (place === NOWHERE || ledger.has(entry, DELAYED)) return;
  // Put back from the dead letters, it comes when it comes.
  if (ledger.has(entry, DEAD) && ledger.repeats(entry) > 0) return;
  const overtaken = order.next(entry, tp, seen.key, tpOf(place), place);
  if (overtaken === undefined) return;
  const earlier = ledger.id(overtaken.entry);
  const at = offsetOf(ledger.inputPlace(overtaken.entry));
  state.find(
    overtaken.kind,
    { ...places.at(place), id: seen.id, key: seen.key },
    `first delivered here, and its input (offset ${seen.offset}) is behind ` +
      `that of ${earlier} (offset ${at}), first delivered at ` +
      offsetOf(overtaken.place),
  );
}
