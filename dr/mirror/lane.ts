/**
 * One lane of a mirror, while this process owns it: one thread, one transactional
 * id, the source partitions that hash to it.
 *
 *     see that its era has not ended ── it has ──> sealed: does nothing more
 *        ^                         │
 *        │                         v
 *        │    initialise the id (fences whoever had the lane)
 *        │                         │
 *        │                         v
 *        │<─ some hung ── abort what hangs of its transactions
 *        │                         │ none did
 *        │                         v
 *        │              read where it stands
 *        │                         │
 *        │ after any abort,        v
 *        └─ crash or doubt ── mirror, transaction by transaction
 *
 * Nothing that was read before the id was initialised counts, and nothing is
 * tried again: what became of the last transaction is read anew.
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { CrashHistory } from "../../src/pool/crash_history.ts";
import type { WorkerThread } from "../../src/pool/thread.ts";
import { pause } from "../waits.ts";
import type { LaneExamination } from "./examination.ts";
import { LaneSealedError } from "./lane_era.ts";
import { Life } from "./lane_life.ts";
import type { LanePartition } from "./lane_partition.ts";
import type { LaneParts } from "./lane_parts.ts";
import { added, type Mirrored, NOTHING_MIRRORED } from "./mirrored.ts";

export type LaneStatus =
  | "opening"
  | "running"
  | "waiting"
  /** Its era has ended; whoever follows the state closes it. */
  | "sealed"
  | "closed";

export class Lane {
  readonly number: number;
  readonly #parts: LaneParts;
  readonly #crashes = new CrashHistory();
  readonly #foreign = new Set<string>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #status: LaneStatus = "opening";
  #drainMs = 0;
  #life: Life | null = null;
  #mirrored: Mirrored = NOTHING_MIRRORED;

  constructor(number: number, parts: LaneParts) {
    this.number = number;
    this.#parts = parts;
    this.#running = this.#run();
  }

  get status(): LaneStatus {
    return this.#status;
  }

  /** Since the lane is here. */
  get mirrored(): Mirrored {
    return this.#mirrored;
  }

  get thread(): WorkerThread | null {
    return this.#life?.thread ?? null;
  }

  get partitions(): readonly LanePartition[] {
    return this.#life?.partitions?.all ?? [];
  }

  /** The high watermark that the last fetch told; null: none yet. */
  endOf(tp: TopicPartition): number | null {
    return this.#life?.source.consumer.knownHighWatermark(tp) ?? null;
  }

  /** The topics have changed: takes over what is new. */
  refresh(): void {
    this.#life?.adopt();
  }

  /** Of what it has now; null: it has yet to find out. */
  examination(): LaneExamination | null {
    return this.#life?.examination() ?? null;
  }

  /** What it does is void; it begins anew. */
  giveUp(reason: string): void {
    this.#life?.fail(reason);
  }

  /** Settles what it has within the time, and ends. */
  async close(drainMs: number): Promise<void> {
    this.#drainMs = drainMs;
    this.#stop.abort(new Error("the lane is closed"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log } = this.#parts;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#status = "opening";
      let reason: string | null;
      try {
        await this.#parts.expectUnsealed(this.number, signal);
        reason = await this.#live(signal);
      } catch (error) {
        if (error instanceof LaneSealedError) {
          await this.#rest(error, signal);
          break;
        }
        reason = error instanceof Error ? error.message : String(error);
      }
      this.#status = "waiting";
      if (signal.aborted || reason === null) break;
      const delayMs = this.#crashes.add(performance.now());
      log.warn("lane begins anew", {
        lane: this.number,
        reason,
        delayMs: Math.round(delayMs),
      });
      await pause(delayMs, signal);
    }
    this.#status = "closed";
  }

  /**
   * @returns why it has ended; null: it is to be closed.
   * @throws why it did not begin.
   */
  async #live(signal: AbortSignal): Promise<string | null> {
    const life = new Life(this.number, this.#parts, this.#foreign, (note) => {
      this.#mirrored = added(this.#mirrored, note);
    });
    this.#life = life;
    try {
      await life.open(signal);
      this.#status = "running";
      return await life.ended(signal);
    } finally {
      this.#status = "waiting";
      this.#life = null;
      await life.close(signal.aborted ? this.#drainMs : 0);
    }
  }

  /** Until it is closed. */
  async #rest({ message }: Error, signal: AbortSignal): Promise<void> {
    this.#status = "sealed";
    this.#parts.log.info("lane rests", { lane: this.number, reason: message });
    const closed = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => closed.resolve(), { once: true });
    if (!signal.aborted) await closed.promise;
  }
}
