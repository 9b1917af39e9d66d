/**
 * Records that nobody has acknowledged yet, in the order in which they were
 * sent, and what becomes of them when their cluster is left. No I/O.
 */
import type { OutputRecord } from "../../src/kafka/mod.ts";
import type { ClusterName } from "../state/types.ts";

/** Where a record was acknowledged. */
export interface RecordPlace {
  readonly cluster: ClusterName;
  /** Of the stay, see `Stay`. */
  readonly epoch: number;
  /** In its partition. */
  readonly offset: number;
}

/** What becomes of records that a client had. */
export type OnSwitch = "resend" | "fail";

/** A record on its way; `id` and `index` come back with its report. */
export interface Entry {
  readonly id: number;
  readonly index: number;
  readonly record: OutputRecord;
}

/** The records of one call. */
interface Sending {
  readonly records: readonly OutputRecord[];
  /** By index; null: not acknowledged. */
  readonly places: (RecordPlace | null)[];
  /** Indexes without a report. */
  readonly open: Set<number>;
  /** Whether a client has it now. */
  isGiven: boolean;
  /** Whether somebody waits for it. */
  isWanted: boolean;
  failure: Error | null;
  readonly settled: PromiseWithResolvers<readonly RecordPlace[]>;
  readonly onEnd: () => void;
}

export interface Added {
  readonly id: number;
  /** Rejects with the first failure, once each has an outcome. */
  readonly places: Promise<readonly RecordPlace[]>;
}

export class Unacknowledged {
  /** In the order of sending. */
  readonly #sendings = new Map<number, Sending>();
  #lastId = 0;

  /** @param onEnd called once, when nothing of it is kept any more */
  add(records: readonly OutputRecord[], onEnd: () => void): Added {
    const id = this.#lastId = this.#lastId + 1 >>> 0; // 32 bits come back
    const settled = Promise.withResolvers<readonly RecordPlace[]>();
    settled.promise.catch(() => {}); // its caller may have given up
    this.#sendings.set(id, {
      records,
      places: records.map(() => null),
      open: new Set(records.keys()),
      isGiven: false,
      isWanted: true,
      failure: null,
      settled,
      onEnd,
    });
    return { id, places: settled.promise };
  }

  /** What a client is to be given: all that has no report. */
  *takeAll(): Generator<Entry> {
    for (const id of this.#sendings.keys()) yield* this.take(id);
  }

  /** The same of one call. */
  *take(id: number): Generator<Entry> {
    const sending = this.#sendings.get(id);
    if (sending === undefined) return;
    sending.isGiven = true;
    for (const index of sending.open) {
      yield { id, index, record: sending.records[index]! };
    }
  }

  /** @param outcomeOf where it was acknowledged, or why it was not */
  reported(
    id: number,
    index: number,
    outcomeOf: (record: OutputRecord) => RecordPlace | Error,
  ): void {
    const sending = this.#sendings.get(id);
    if (sending === undefined || !sending.open.delete(index)) return;
    const outcome = outcomeOf(sending.records[index]!);
    if (outcome instanceof Error) sending.failure ??= outcome;
    else sending.places[index] = outcome;
    if (sending.open.size === 0) this.#end(id, sending);
  }

  /** Nobody waits for it any more: it is not sent, or not sent again. */
  abandon(id: number): void {
    const sending = this.#sendings.get(id);
    if (sending === undefined) return;
    sending.isWanted = false;
    if (!sending.isGiven) this.#fail(id, sending, new Error("abandoned"));
  }

  /**
   * The client is gone, and its reports have been taken. What it had fails where
   * `mode` says so; else `takeAll` gives it out again.
   * @returns how many records that are.
   */
  left(mode: OnSwitch, reason: Error): number {
    let kept = 0;
    for (const [id, sending] of [...this.#sendings]) {
      if (!sending.isGiven) continue;
      sending.isGiven = false;
      if (mode === "resend" && sending.isWanted) kept += sending.open.size;
      else this.#fail(id, sending, reason);
    }
    return kept;
  }

  failAll(reason: Error): void {
    for (const [id, sending] of [...this.#sendings]) {
      this.#fail(id, sending, reason);
    }
  }

  #fail(id: number, sending: Sending, reason: Error): void {
    sending.failure ??= reason;
    this.#end(id, sending);
  }

  #end(id: number, { failure, onEnd, places, settled }: Sending): void {
    this.#sendings.delete(id);
    if (failure === null) settled.resolve(places.map((place) => place!));
    else settled.reject(failure);
    onEnd();
  }
}
