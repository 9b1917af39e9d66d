/** What a worker does with the records that its loop fetches for it. */
import type { Ticket } from "./settlement.ts";

export interface WorkerKind {
  /**
   * Handles every record of the ticket, now or later, and tells the settlement
   * when each is done.
   */
  handle(ticket: Ticket): void;
  /** Ends what is still being handled, because nobody waits for it any more. */
  abort(): void;
}
