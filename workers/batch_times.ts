/**
 * How long batches take: to be processed, from the first handler's begin to the
 * last one's end, and to be sent, from there to the last acknowledgement.
 */
import type { WorkerPage } from "../src/pool/page.ts";
import type { Ticket } from "./ticket.ts";

export class BatchTimes {
  readonly #page: Pick<WorkerPage, "observe">;
  readonly #now: () => number;

  /** @param now ms of a clock that never goes back */
  constructor(
    page: Pick<WorkerPage, "observe">,
    now: () => number = () => performance.now(),
  ) {
    this.#page = page;
    this.#now = now;
  }

  opened(ticket: Ticket): void {
    ticket.sinceMs = this.#now();
  }

  /** Its last handler has ended; it may be settled already. */
  handled(ticket: Ticket): void {
    const nowMs = this.#now();
    this.#page.observe("process", nowMs - ticket.sinceMs);
    ticket.sinceMs = nowMs;
  }

  /** Nothing of it is open, some time after its last handler has ended. */
  settled(ticket: Ticket): void {
    this.#page.observe("send", this.#now() - ticket.sinceMs);
  }
}
