/** Where outputs go, and how a worker learns that they count. */
import type { ClientEvent, OutputRecord } from "../src/kafka/mod.ts";
import type { Position } from "../src/pool/protocol.ts";
import type { Failure } from "./failures.ts";
import type { Postponement } from "./retry.ts";
import type { Ticket } from "./settlement.ts";

/** What the loop does with a sink, whatever goes into it. */
export interface LoopSink {
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
   * @param isDrained whether nothing that was fetched has yet to be handled
   */
  settle(hurry: boolean, isDrained: boolean): void;
  /**
   * Positions that the coordinator must be told of.
   * @param exact whether to look at every open record
   * @param last there is no later call
   */
  takeChanged(exact: boolean, last: boolean): Position[];
  /** Adds what counts since the last call to the page's counters. */
  publish(): void;
  /** No native call is under way afterwards. */
  close(): Promise<void>;
}

export interface Sink extends LoopSink {
  /**
   * Produces an output of an input; the input is done when all arrived.
   *
   * Kinds add all outputs of an input, or its dead letter, within one turn of
   * the event loop: between two turns the sink has everything of an input or
   * nothing. A transaction that ends between two turns depends on it.
   * @param count how many outputs the input has; absent or 0: not known
   */
  add(
    ticket: Ticket,
    index: number,
    record: OutputRecord,
    count?: number,
  ): void;
  /**
   * Produces the input itself to the dead-letter topic.
   * @param failure the attempts that were made; absent: those that the headers
   * of a record from a delay topic tell, and this one
   */
  reject(
    ticket: Ticket,
    index: number,
    reason: string,
    failure?: Failure,
  ): void;
  /** An input is done without an output. */
  skip(): void;
  /**
   * Produces the input itself to the delay topic of this delay; where the
   * cluster refuses it there, to the dead-letter topic.
   */
  postpone(ticket: Ticket, index: number, postponement: Postponement): void;
}
