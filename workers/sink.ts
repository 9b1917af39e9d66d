/** Where outputs go, and how a worker learns that they count. */
import type { ClientEvent, OutputRecord } from "../src/kafka/mod.ts";
import type { Position } from "../src/pool/protocol.ts";
import type { Ticket } from "./settlement.ts";

export interface Sink {
  /**
   * Produces an output of an input; the input is done when all arrived. Between
   * two turns of the event loop an input has all of its outputs here or none:
   * a transaction may end there.
   */
  add(ticket: Ticket, index: number, record: OutputRecord): void;
  /** Produces the input itself to the dead-letter topic. */
  reject(ticket: Ticket, index: number, reason: string): void;
  /** Hands what was added to the cluster. */
  flush(): void;
  /** Bytes that are not acknowledged. */
  readonly pendingBytes: number;
  /** Whether all that was settled counts. */
  readonly idle: boolean;
  /** Serves what has arrived, without waiting; returns other events. */
  collect(): ClientEvent[];
  /** Waits for something to arrive, then does as `collect`. */
  waitAndCollect(timeoutMs: number): Promise<ClientEvent[]>;
  wake(): void;
  /**
   * Moves on what makes positions durable.
   * @param hurry somebody waits for it: a partition is to move, or the worker
   * to stop
   */
  settle(hurry: boolean): void;
  /** Positions that the coordinator must be told of. */
  takeChanged(): Position[];
  /** Adds what counts since the last call to the page's counters. */
  publish(): void;
  close(): void;
}
