/**
 * Proves or refutes what a job promises, from what was read of its topics. Pure:
 * it is told observations, in this order, and says what is wrong with them.
 *
 *     history()     what the generator did; optional
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
 *   that the topic does not hold, and that was not deleted by its age.
 * - **duplicate**, under exactly-once only: an output or dead letter beyond those
 *   that the input demands; or an input that was sent once and is there twice.
 *   An input that is in the topic n times demands its outputs n times.
 * - **aborted read**: read_committed readers see an input that failed for its
 *   generator; or there is an output of an input whose send failed, or that only
 *   an aborted transaction wrote.
 * - **reordered**: see `order.ts`.
 * - **inconsistent offset**: see `readings.ts`; also an acknowledgement of another
 *   place than that where the input is, or of one where another input is.
 * - **committed beyond processed**: a commit says that an input is settled (it is
 *   below the offset, or settled by the metadata), and the input is not done, nor
 *   does it wait in a retry topic where it is not committed.
 * - **committed beyond end**: of the partition's log.
 * - **unexpected**: an output, dead letter or delayed record without an input,
 *   without an id, or with an ordinal that its input does not demand; an input
 *   that the history does not send.
 * - **corrupt**: the caller says what is wrong with the record.
 */
import { type Claim, claimOf } from "./commit_metadata.ts";
import { Findings } from "./findings.ts";
import type { HistoryOperation } from "./history.ts";
import * as fact from "./ledger.ts";
import { Ledger } from "./ledger.ts";
import { Order, type Ordering } from "./order.ts";
import { NOWHERE, offsetOf, Places, tpOf } from "./places.ts";
import { Readings } from "./readings.ts";
import {
  type AnomalyKind,
  type Example,
  type Id,
  noCounts,
  type Report,
} from "./report.ts";

export interface CheckOptions {
  /** Default at-least-once: repeated deliveries are counted and no anomaly. */
  readonly guarantee?: "at-least-once" | "exactly-once";
  /** Default partition. */
  readonly ordering?: Ordering;
  /** Whether the job has had its time to do all inputs. Default true. */
  readonly final?: boolean;
  /** How many outputs an input demands, 0 to 32. Default 1 for each. */
  readonly outputsOf?: (id: Id) => number;
  /** How many examples of each anomaly the report has. Default 5. */
  readonly examples?: number;
}

export type Role = "input" | "output" | "dead letter" | "retry";

/** A record as far as it matters. */
export interface Seen {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Null where it says none. */
  readonly id: Id | null;
  readonly key: string | null;
  /** 32 bits of hash over all of it. */
  readonly fingerprint: number;
  /** Which output of its input it is, from 0. Default: the next one. */
  readonly ordinal?: number | undefined;
  /** Why it is corrupt. */
  readonly problem?: string | undefined;
}

export interface Committed {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
}

export interface LogBounds {
  readonly topic: string;
  readonly partition: number;
  /** Of the oldest record that is still there. */
  readonly low: number;
  /** That the next record will get. */
  readonly high: number;
}

interface Bounds {
  low: number;
  high: number;
  /** Readings that begin later reach this offset. */
  readonly reached: number;
}

interface Repeat {
  readonly entry: number;
  readonly example: Example;
}

/** Of which the examples of duplicates are chosen. */
const MOST_REPEATS = 1000;

export class Check {
  readonly #options: Required<CheckOptions>;
  readonly #places = new Places();
  readonly #ledger = new Ledger();
  readonly #findings: Findings;
  readonly #order: Order;
  readonly #counts = noCounts();
  readonly #notes: string[] = [];
  /** These by the number of the topic and partition. */
  readonly #readings: (Readings | undefined)[] = [];
  readonly #bounds: (Bounds | undefined)[] = [];
  readonly #commits: (Committed & { readonly claims: Claim } | undefined)[] =
    [];
  readonly #inputTps = new Set<number>();
  readonly #repeats: Repeat[] = [];
  /** Examples of outputs without input, which a second reading finds. */
  readonly #orphans = new Map<number, Example>();
  #hasHistory = false;

  constructor(options: CheckOptions = {}) {
    this.#options = {
      guarantee: "at-least-once",
      ordering: "partition",
      final: true,
      outputsOf: () => 1,
      examples: 5,
      ...options,
    };
    this.#findings = new Findings(this.#options.examples);
    this.#order = new Order(this.#options.ordering);
  }

  /** Something that the report shall say. */
  note(text: string): void {
    this.#notes.push(text);
  }

  history(operation: HistoryOperation, inputTopic: string): void {
    this.#hasHistory = true;
    const ledger = this.#ledger;
    const entry = ledger.entry(operation.id);
    switch (operation.op) {
      case "send":
        if (ledger.has(entry, fact.SENT)) ledger.learn(entry, fact.SENT_AGAIN);
        ledger.learn(entry, fact.SENT);
        ledger.unlearn(entry, fact.FAILED);
        return;
      case "ack": {
        const { partition, offset } = operation;
        const tp = this.#places.tp(inputTopic, partition);
        ledger.setAckPlace(entry, this.#places.place(tp, offset));
        ledger.learn(entry, fact.SENT | fact.ACKED);
        ledger.unlearn(entry, fact.FAILED);
        return;
      }
      case "fail":
        return ledger.learn(entry, fact.SENT | fact.FAILED);
      default:
        operation satisfies never;
    }
  }

  committed(committed: Committed): void {
    const { topic, partition, offset, metadata } = committed;
    const claims = claimOf(offset, metadata);
    this.#commits[this.#places.tp(topic, partition)] = { ...committed, claims };
  }

  log({ topic, partition, low, high }: LogBounds): void {
    const tp = this.#places.tp(topic, partition);
    const known = this.#bounds[tp];
    if (known === undefined) {
      this.#bounds[tp] = { low, high, reached: high };
      return;
    }
    known.low = Math.max(known.low, low);
    known.high = Math.max(known.high, high);
  }

  observe(role: Role, seen: Seen): void {
    const tp = this.#places.tp(seen.topic, seen.partition);
    const readings = this.#readings[tp] ??= new Readings();
    const reading = readings.first(seen.offset, seen.fingerprint);
    if (reading.kind === "inconsistent") {
      this.#find("inconsistent offset", seen, reading.sentence);
      return;
    }
    if (seen.problem !== undefined) this.#find("corrupt", seen, seen.problem);
    switch (role) {
      case "input":
        this.#counts.inputs++;
        return this.#input(tp, seen);
      case "output":
        this.#counts.outputs++;
        return this.#output(tp, seen);
      case "dead letter":
        this.#counts.deadLetters++;
        return this.#deadLetter(tp, seen);
      case "retry":
        this.#counts.delayed++;
        return this.#delayed(tp, seen);
      default:
        role satisfies never;
    }
  }

  observeAgain(role: Role, seen: Seen): void {
    const tp = this.#places.tp(seen.topic, seen.partition);
    const readings = this.#readings[tp] ??= new Readings();
    const reading = readings.again(seen.offset, seen.fingerprint);
    switch (reading.kind) {
      case "fine":
        return this.#rememberOrphan(role, seen);
      case "inconsistent":
        return this.#find("inconsistent offset", seen, reading.sentence);
      case "new": {
        const reached = this.#bounds[tp]?.reached ?? readings.end;
        if (seen.offset >= reached) return;
        this.#counts.aborted++;
        if (role !== "input" || seen.id === null) return;
        this.#ledger.learn(this.#ledger.entry(seen.id), fact.ABORTED);
      }
    }
  }

  /** Finds what only the first reading of the topic saw. */
  secondReadingEnded(topic: string): void {
    for (let tp = 1; tp < this.#places.size; tp++) {
      const place = this.#places.topicPartition(tp);
      if (place.topic !== topic) continue;
      const low = this.#bounds[tp]?.low ?? 0;
      for (const offset of this.#readings[tp]?.missed() ?? []) {
        if (offset < low) continue;
        this.#find(
          "inconsistent offset",
          { ...place, offset, id: null, key: null },
          "a second reading did not find the record that was here",
        );
      }
    }
  }

  report(): Report {
    for (let tp = 1; tp < this.#places.size; tp++) this.#judgeCommit(tp);
    for (let entry = 0; entry < this.#ledger.size; entry++) {
      if (this.#hasHistory) this.#judgeSend(entry);
      this.#judgeOrigin(entry);
      this.#judgeRepeats(entry);
    }
    return {
      counts: { ...this.#counts },
      anomalies: this.#findings.list(),
      notes: [...this.#notes],
    };
  }

  #output(tp: number, seen: Seen): void {
    if (seen.id === null) {
      return this.#find("unexpected", seen, "an output that says no id");
    }
    const entry = this.#ledger.entry(seen.id);
    const count = this.#options.outputsOf(seen.id);
    const delivered = this.#ledger.delivered(entry);
    const next = Math.min(lowestUnset(delivered), count - 1);
    const ordinal = seen.ordinal ?? Math.max(next, 0);
    if (ordinal >= count) {
      const demanded = count === 1 ? "one output" : `${count} outputs`;
      const sentence = `output ${ordinal} of an input that demands ${demanded}`;
      return this.#find("unexpected", seen, sentence);
    }
    const bit = (1 << ordinal) >>> 0;
    const isRepeated = (delivered & bit) !== 0 ||
      this.#ledger.has(entry, fact.DEAD);
    this.#deliver(
      entry,
      tp,
      seen,
      bit,
      isRepeated,
      "the input has this output already",
    );
  }

  #deadLetter(tp: number, seen: Seen): void {
    if (seen.id === null) {
      return this.#find("unexpected", seen, "a dead letter that says no id");
    }
    const entry = this.#ledger.entry(seen.id);
    const isDead = this.#ledger.has(entry, fact.DEAD);
    const delivered = this.#ledger.delivered(entry);
    this.#ledger.learn(entry, fact.DEAD);
    this.#deliver(
      entry,
      tp,
      seen,
      0,
      isDead || delivered !== 0,
      isDead
        ? "the input has a dead letter already"
        : "a dead letter of an input that has an output",
    );
  }

  #deliver(
    entry: number,
    tp: number,
    seen: Seen,
    bit: number,
    isRepeated: boolean,
    sentence: string,
  ): void {
    const ledger = this.#ledger;
    ledger.learn(entry, fact.DELIVERED);
    ledger.deliver(entry, bit);
    if (isRepeated) {
      ledger.repeat(entry);
      if (this.#repeats.length < MOST_REPEATS) {
        this.#repeats.push({ entry, example: exampleOf(seen, sentence) });
      }
    } else if (bit <= 1) {
      ledger.setFirstDelivery(entry, this.#places.place(tp, seen.offset));
    }
  }

  #delayed(tp: number, seen: Seen): void {
    if (seen.id === null) {
      return this.#find("unexpected", seen, "a delayed record that says no id");
    }
    const ledger = this.#ledger;
    const entry = ledger.entry(seen.id);
    const isSettled = this.#commits[tp]?.claims(seen.offset) ?? false;
    ledger.learn(entry, fact.DELAYED | (isSettled ? 0 : fact.WAITING));
    if (ledger.firstDelivery(entry) === NOWHERE) {
      const place = this.#places.place(tp, seen.offset);
      ledger.setFirstDelivery(entry, place);
    }
  }

  #input(tp: number, seen: Seen): void {
    this.#inputTps.add(tp);
    if (seen.id === null) {
      return this.#find("unexpected", seen, "an input that says no id");
    }
    const ledger = this.#ledger;
    const entry = ledger.entry(seen.id);
    const place = this.#places.place(tp, seen.offset);
    ledger.copy(entry);
    const copies = ledger.copies(entry);
    if (copies === 1) ledger.setInputPlace(entry, place);
    if (ledger.ackPlace(entry) === place) ledger.learn(entry, fact.ACK_SEEN);
    if (this.#hasHistory) this.#compareWithHistory(entry, seen);
    const isDone = this.#isDone(entry, seen.id, copies);
    if (!isDone && this.#options.final) {
      this.#find("lost", seen, "an input without output or dead letter");
    } else if (!isDone) this.#counts.pending++;
    const commit = this.#commits[tp];
    if (
      !isDone && commit?.claims(seen.offset) &&
      !ledger.has(entry, fact.WAITING)
    ) {
      const how = seen.offset < commit.offset ? "passed by" : "in metadata of";
      this.#find(
        "committed beyond processed",
        seen,
        `${how} the committed offset ${commit.offset}, and not done`,
      );
    }
    if (copies === 1) this.#checkOrder(entry, tp, seen);
  }

  #isDone(entry: number, id: Id, copies: number): boolean {
    const count = this.#options.outputsOf(id);
    if (count === 0) return true;
    const all = 2 ** count - 1;
    const ledger = this.#ledger;
    // How much of a further copy is done cannot be told apart from the first.
    return ledger.repeats(entry) >= copies - 1 &&
      (ledger.has(entry, fact.DEAD) || ledger.delivered(entry) === all);
  }

  #compareWithHistory(entry: number, seen: Seen): void {
    const ledger = this.#ledger;
    if (!ledger.has(entry, fact.SENT)) {
      this.#find("unexpected", seen, "an input that the history does not send");
    } else if (ledger.has(entry, fact.FAILED)) {
      const sentence = "its send failed, and read_committed readers see it";
      this.#find("aborted read", seen, sentence);
    } else if (
      ledger.copies(entry) > 1 && !ledger.has(entry, fact.SENT_AGAIN) &&
      this.#options.guarantee === "exactly-once"
    ) {
      const sentence = "an input that was sent once is there again";
      this.#find("duplicate", seen, sentence);
    }
  }

  #checkOrder(entry: number, tp: number, seen: Seen): void {
    const ledger = this.#ledger;
    const place = ledger.firstDelivery(entry);
    if (place === NOWHERE || ledger.has(entry, fact.DELAYED)) return;
    // Put back from the dead letters, it comes when it comes.
    if (ledger.has(entry, fact.DEAD) && ledger.repeats(entry) > 0) return;
    const overtaken = this.#order.next(entry, tp, seen.key, tpOf(place), place);
    if (overtaken === undefined) return;
    const earlier = ledger.id(overtaken.entry);
    const at = offsetOf(ledger.inputPlace(overtaken.entry));
    this.#find(
      overtaken.kind,
      { ...this.#places.at(place), id: seen.id, key: seen.key },
      `its input is at offset ${seen.offset}, behind that of id ${earlier} at ` +
        `${at}, which was first delivered at ${offsetOf(overtaken.place)}`,
    );
  }

  /** For examples of what is certain only when all inputs are known. */
  #rememberOrphan(role: Role, seen: Seen): void {
    if (role === "input" || seen.id === null) return;
    if (this.#orphans.size >= this.#options.examples) return;
    const entry = this.#ledger.entry(seen.id);
    if (this.#ledger.copies(entry) > 0 || this.#orphans.has(entry)) return;
    this.#orphans.set(entry, exampleOf(seen, ""));
  }

  #judgeCommit(tp: number): void {
    const commit = this.#commits[tp];
    if (commit === undefined) return;
    const { topic, partition, offset } = commit;
    const end = Math.max(
      this.#bounds[tp]?.high ?? 0,
      this.#readings[tp]?.end ?? 0,
    );
    if (offset <= end) return;
    const place = { topic, partition, offset, id: null, key: null };
    const sentence = `committed, and the log ends at ${end}`;
    this.#find("committed beyond end", place, sentence);
  }

  #judgeSend(entry: number): void {
    const ledger = this.#ledger;
    if (ledger.has(entry, fact.FAILED)) this.#counts.failed++;
    else if (ledger.has(entry, fact.ACKED)) this.#counts.acknowledged++;
    else if (ledger.has(entry, fact.SENT)) this.#counts.unknown++;
    if (!ledger.has(entry, fact.ACKED)) return;
    if (ledger.has(entry, fact.ACK_SEEN | fact.FAILED)) return;
    const place = this.#places.at(ledger.ackPlace(entry));
    const tp = tpOf(ledger.ackPlace(entry));
    if (place.offset < (this.#bounds[tp]?.low ?? 0)) {
      this.#counts.trimmed++;
      return;
    }
    const seen = { ...place, id: ledger.id(entry), key: null };
    const isElsewhere = ledger.copies(entry) > 0;
    if (!isElsewhere) {
      const sentence = "acknowledged here, and nowhere in the topic";
      this.#find("acknowledged input missing", seen, sentence);
    }
    if (isElsewhere) {
      const at = this.#places.at(ledger.inputPlace(entry));
      const sentence =
        `acknowledged here, and found in [${at.partition}] @${at.offset}`;
      this.#find("inconsistent offset", seen, sentence);
    } else if (this.#readings[tp]?.has(place.offset)) {
      const sentence = "acknowledged here, where another record is";
      this.#find("inconsistent offset", seen, sentence);
    }
  }

  /** Of what was delivered or delayed: whether there is an input. */
  #judgeOrigin(entry: number): void {
    const ledger = this.#ledger;
    if (ledger.copies(entry) > 0) return;
    if (!ledger.has(entry, fact.DELIVERED | fact.DELAYED)) return;
    const place = ledger.firstDelivery(entry);
    const seen = this.#orphans.get(entry) ??
      { ...this.#places.at(place), id: ledger.id(entry), key: null };
    if (ledger.has(entry, fact.FAILED)) {
      this.#find("aborted read", seen, "the send of its input failed");
    } else if (ledger.has(entry, fact.ABORTED)) {
      const sentence = "its input was written by an aborted transaction alone";
      this.#find("aborted read", seen, sentence);
    } else if (ledger.has(entry, fact.ACKED)) {
      // That the input is gone is said already.
    } else if (
      this.#isTrimmed() && (!this.#hasHistory || ledger.has(entry, fact.SENT))
    ) {
      this.#counts.untraceable++;
    } else {
      this.#find("unexpected", seen, "there is no input with this id");
    }
  }

  #isTrimmed(): boolean {
    return this.#inputTps.values()
      .some((tp) => (this.#bounds[tp]?.low ?? 0) > 0);
  }

  #judgeRepeats(entry: number): void {
    const ledger = this.#ledger;
    const repeats = ledger.repeats(entry);
    if (repeats === 0) return;
    const furtherCopies = Math.max(0, ledger.copies(entry) - 1);
    const outputs = Math.max(1, this.#options.outputsOf(ledger.id(entry)));
    const excess = repeats - furtherCopies * outputs;
    if (excess <= 0) return;
    this.#counts.repeated += excess;
    if (this.#options.guarantee !== "exactly-once") return;
    this.#findings.add(
      "duplicate",
      () =>
        this.#repeats.find((each) => each.entry === entry)?.example ??
          exampleOf({
            ...this.#places.at(ledger.firstDelivery(entry)),
            id: ledger.id(entry),
            key: null,
          }, "and more often"),
      excess,
    );
  }

  #find(
    kind: AnomalyKind,
    seen: Omit<Example, "sentence">,
    sentence: string,
  ): void {
    this.#findings.add(kind, () => exampleOf(seen, sentence));
  }
}

function exampleOf(
  { topic, partition, offset, id, key }: Omit<Example, "sentence">,
  sentence: string,
): Example {
  return { topic, partition, offset, id, key, sentence };
}

function lowestUnset(bits: number): number {
  const unset = ~bits;
  return unset === 0 ? 32 : 31 - Math.clz32(unset & -unset);
}
