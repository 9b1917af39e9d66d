/**
 * Proves or refutes what a job promises, from what was read of its topics. Pure:
 * it is told observations, in this order, and says what is wrong with them.
 *
 *     historyOf(), history()  what the generator did; optional
 *     committed()   what the job's group has committed; optional
 *     log()         the bounds of each partition; again later, as they move
 *     observe()     outputs, dead letters and retry topics, then inputs: what
 *                   read_committed readers see, each partition in its order
 *     observeAgain(), secondReadingEnded()  a second, read_uncommitted reading
 *     report()
 *
 * Outputs come before inputs, so that of a job that runs meanwhile every output's
 * input is seen; and commits before both, so that every output that a commit
 * relies on is seen.
 *
 * An input is **done** when all of its outputs, or a dead letter of it, are there.
 * What the anomalies mean:
 *
 * - **lost**: an input that read_committed readers see is not done, in a check
 *   that is `final`.
 * - **acknowledged input missing**: the history has an acknowledgement of an input
 *   that the topic does not hold, and has not deleted by its age either.
 * - **duplicate**, under exactly-once only: an output or dead letter beyond those
 *   that the input demands; or an input that was sent once and is there twice.
 *   An input that is in the topic n times demands its outputs n times.
 * - **aborted read**: read_committed readers see an input whose send failed; or
 *   there is an output, dead letter or delayed record of an input whose send
 *   failed, or that only an aborted transaction wrote.
 * - **reordered by key**, **reordered in partition**: see `order.ts`.
 * - **inconsistent offset**: see `readings.ts`; also an acknowledgement of another
 *   place than that where the input is, or of one where another record is.
 * - **committed beyond processed**: a commit says that an input is settled (it is
 *   below the offset, or settled by the metadata), and the input is not done, nor
 *   does it wait in a retry topic where it is not committed.
 * - **committed beyond end**: of the partition's log.
 * - **unexpected**: an output, dead letter or delayed record without an input,
 *   without an id, or with an ordinal that its input does not demand; an input
 *   that the history does not send.
 * - **corrupt**: the caller says what is wrong with the record.
 */
import { claimOf } from "./commit_metadata.ts";
import { deadLetter, delayed, output } from "./deliveries.ts";
import type { HistoryOperation } from "./history.ts";
import { input } from "./inputs.ts";
import { ABORTED, ACKED, FAILED, SENT, SENT_AGAIN } from "./ledger.ts";
import {
  type CheckOptions,
  type Committed,
  exampleOf,
  type LogBounds,
  type Role,
  type Seen,
} from "./observation.ts";
import type { Report } from "./report.ts";
import { State } from "./state.ts";
import { judge } from "./verdict.ts";

export class Check {
  readonly #state: State;
  readonly #notes: string[] = [];

  constructor(options: CheckOptions = {}) {
    this.#state = new State(options);
  }

  /** Something that the report shall say. */
  note(text: string): void {
    this.#notes.push(text);
  }

  /** There is a history of all that was sent to this topic: it follows. */
  historyOf(inputTopic: string): void {
    this.#state.historyOf = inputTopic;
  }

  history(operation: HistoryOperation): void {
    const { ledger, places, historyOf = "" } = this.#state;
    const entry = ledger.entry(operation.id);
    switch (operation.op) {
      case "send":
        if (ledger.has(entry, SENT)) ledger.learn(entry, SENT_AGAIN);
        ledger.learn(entry, SENT);
        ledger.unlearn(entry, FAILED);
        return;
      case "ack": {
        const tp = places.tp(historyOf, operation.partition);
        ledger.setAckPlace(entry, places.place(tp, operation.offset));
        ledger.learn(entry, SENT | ACKED);
        ledger.unlearn(entry, FAILED);
        return;
      }
      case "fail":
        return ledger.learn(entry, SENT | FAILED);
      default:
        operation satisfies never;
    }
  }

  committed(committed: Committed): void {
    const { commits, places } = this.#state;
    const { topic, partition, offset, metadata } = committed;
    const claims = claimOf(offset, metadata);
    commits[places.tp(topic, partition)] = { ...committed, claims };
  }

  log(bounds: LogBounds): void {
    this.#state.learnBounds(bounds);
  }

  observe(role: Role, seen: Seen): void {
    const state = this.#state;
    const tp = state.places.tp(seen.topic, seen.partition);
    const reading = state.readings(tp).first(seen.offset, seen.fingerprint);
    if (reading.kind === "inconsistent") {
      return state.find("inconsistent offset", seen, reading.sentence);
    }
    if (seen.problem !== undefined) state.find("corrupt", seen, seen.problem);
    switch (role) {
      case "input":
        state.counts.inputs++;
        return input(state, tp, seen);
      case "output":
        state.counts.outputs++;
        return output(state, tp, seen);
      case "dead letter":
        state.counts.deadLetters++;
        return deadLetter(state, tp, seen);
      case "retry":
        state.counts.delayed++;
        return delayed(state, tp, seen);
      default:
        role satisfies never;
    }
  }

  observeAgain(role: Role, seen: Seen): void {
    const { places, ledger, counts } = this.#state;
    const tp = places.tp(seen.topic, seen.partition);
    const readings = this.#state.readings(tp);
    const reading = readings.again(seen.offset, seen.fingerprint);
    switch (reading.kind) {
      case "fine":
        if (role !== "input") this.#rememberOrphan(seen);
        return;
      case "inconsistent":
        return this.#state.find("inconsistent offset", seen, reading.sentence);
      case "new": {
        const end = this.#state.bounds(tp)?.reached ?? readings.end;
        // Behind it is what came after the first reading.
        if (seen.offset >= end) return;
        counts.aborted++;
        if (role !== "input" || seen.id === null) return;
        ledger.learn(ledger.entry(seen.id), ABORTED);
      }
    }
  }

  /** Finds what only the first reading of the topic saw. */
  secondReadingEnded(topic: string): void {
    const state = this.#state;
    for (let tp = 1; tp < state.places.size; tp++) {
      const place = state.places.topicPartition(tp);
      if (place.topic !== topic) continue;
      const low = state.bounds(tp)?.low ?? 0;
      for (const offset of state.readings(tp).missed()) {
        if (offset < low) continue;
        const shown = { ...place, offset, id: null, key: null };
        const sentence = "a second reading did not find what was here";
        state.find("inconsistent offset", shown, sentence);
      }
    }
  }

  /** Call it once, at the end. */
  report(): Report {
    judge(this.#state);
    return {
      counts: { ...this.#state.counts },
      anomalies: this.#state.findings.list(),
      notes: [...this.#notes],
    };
  }

  /** For examples of what is certain only when all inputs are known. */
  #rememberOrphan(seen: Seen): void {
    const { ledger, orphans, options } = this.#state;
    if (seen.id === null || orphans.size >= options.examples) return;
    const entry = ledger.entry(seen.id);
    if (ledger.copies(entry) > 0 || orphans.has(entry)) return;
    orphans.set(entry, exampleOf(seen, ""));
  }
}
