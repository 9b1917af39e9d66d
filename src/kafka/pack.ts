/**
 * Records collected for librdkafka, so that what can be done for many at once
 * is done so. There are two kinds, because librdkafka has no call that takes
 * many records with headers: `BatchPack` and `HeaderPack`.
 */
import type { Header, OutputRecord } from "./message.ts";

/** A record that librdkafka did not take. */
export interface Refusal {
  readonly owner: number;
  readonly index: number;
  readonly code: number;
  readonly byteLength: number;
}

export interface Pack extends Disposable {
  readonly count: number;
  /**
   * Takes a record; false: full for it. An empty one takes any.
   * @param last a header behind those of the record
   */
  add(
    owner: number,
    index: number,
    record: OutputRecord,
    last: Header | null,
  ): boolean;
  /** Of keys and values. Ends the collecting; then `produce` follows. */
  seal(): number;
  /**
   * Hands everything over and is empty again.
   * @returns what librdkafka did not take
   */
  produce(): readonly Refusal[];
}
