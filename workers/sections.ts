/** What a settlement keeps of lanes and batches; see `settlement.ts`. */
import type { OffsetRanges, Settled } from "../src/pool/offset_ranges.ts";
import type { Owned } from "../src/pool/protocol.ts";
import type { Ticket } from "./ticket.ts";

/** The records of one lane in one batch; or none, where offsets are skipped. */
export interface Section {
  readonly lane: Lane;
  /** The lane's number. */
  readonly number: number;
  readonly first: number;
  /** The offset after the last. */
  readonly next: number;
  /** Null when all of it is done. */
  ticket: Ticket | null;
}

export interface Lane extends Owned {
  next: number;
  /** Where it stands for whoever gets the partition next. */
  durable: Settled;
  /** What was settled above it under an earlier ownership. */
  readonly earlier: OffsetRanges;
  readonly sections: Section[];
  /** No records are taken any more; ends when all sections are done. */
  releasing: boolean;
  changed: boolean;
  /** The end of what was there when `takeExact` looked last. */
  seen: number;
  /** Whether it was looked at record by record then. */
  exact: boolean;
}

export interface OpenTicket extends Ticket {
  readonly sections: readonly Section[];
}
