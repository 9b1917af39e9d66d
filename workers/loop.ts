/**
 * The worker's loop: fetch a batch, hand it to the kind, send what came of it,
 * serve reports, settle. One thread runs one loop.
 *
 *     take ──> kind.handle ──> sink.flush ──> sink.collect ──> publish
 *      ^  (waits while the worker is full or the rate is used up)  │
 *      └───────────────────────────────────────────────────────────┘
 */
import { setImmediate } from "node:timers";
import type { Batch, ClientEvent, Inbox } from "../src/kafka/mod.ts";
import { Phase, type WorkerPage } from "../src/pool/page.ts";
import type {
  FromWorker,
  Ownership,
  Position,
  Released,
  WorkerLimits,
} from "../src/pool/protocol.ts";
import type { RateGate } from "../src/pool/rate_limit.ts";
import type { WorkerKind } from "./kind.ts";
import type { Router } from "./router.ts";
import type { Settlement } from "./settlement.ts";
import type { LoopSink } from "./sink.ts";
import type { WorkerTracing } from "./worker_tracing.ts";

export interface LoopParts {
  readonly page: WorkerPage;
  readonly inbox: Inbox;
  readonly router: Router;
  readonly settlement: Settlement;
  readonly sink: LoopSink;
  readonly kind: WorkerKind;
  readonly rate: RateGate;
  readonly limits: WorkerLimits;
  /**
   * How often to look for what is done above the first open record; null:
   * records of a partition are done in order.
   */
  readonly exactEveryMs: number | null;
  /** Null: nothing is traced. */
  readonly tracing: WorkerTracing | null;
  readonly post: (message: FromWorker) => void;
  /** Errors, log lines and statistics of the producer. */
  readonly onEvent: (event: ClientEvent) => void;
  /** Heap of this thread, in bytes. */
  readonly heapBytes: () => number;
}

/** How long a native wait may keep the thread from looking around. */
export const WAIT_MS = 100;
const REST_MS = 5;
const PUBLISH_MS = 20;
const HEAP_EVERY_MS = 500;
/** A batch is meant to be at most this part of what may be pending. */
const BATCH_SHARE = 8;
/** After about this many records the guess of their size follows a change. */
const SIZE_RECORDS = 100;

export class Loop {
  readonly #parts: LoopParts;
  readonly #failure = Promise.withResolvers<never>();
  #wake = Promise.withResolvers<void>();
  #stopAtMs: number | null = null;
  #ended = false;
  #releasing = false;
  /** By lane that ends by itself: when its next record is due. */
  readonly #notBeforeMs = new Map<number, number>();
  #heapMs = -Infinity;
  #exactMs = -Infinity;
  #recordBytes = 1024;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#failure.promise.catch(() => {}); // `run` may have ended before
  }

  assign(partitions: readonly Position[]): void {
    const { inbox, router, settlement } = this.#parts;
    inbox.assignmentChanged();
    for (const position of partitions) {
      router.open(settlement.own(position), position);
    }
    this.#lookAround();
  }

  release(partitions: readonly Ownership[]): void {
    const { inbox, router, settlement } = this.#parts;
    inbox.assignmentChanged();
    for (const ownership of partitions) {
      const lane = router.find(ownership);
      if (lane < 0) continue; // an old epoch
      router.close(lane);
      settlement.release(lane);
    }
    this.#releasing = true;
    this.#lookAround();
  }

  /**
   * Gives a lane back as if the coordinator had asked for it: its next record
   * must not be taken before this time, in ms since the epoch.
   */
  defer(lane: number, notBeforeMs: number): void {
    const { post, router, settlement } = this.#parts;
    const { tp, epoch } = settlement.ownership(lane);
    router.close(lane);
    settlement.release(lane);
    this.#notBeforeMs.set(lane, notBeforeMs);
    this.#releasing = true;
    post({ kind: "deferring", ownership: { tp, epoch } });
  }

  stop(deadlineMs: number): void {
    this.#stopAtMs = performance.now() + deadlineMs;
    this.#lookAround();
  }

  /** Somebody has done what the loop may be waiting for. */
  wake(): void {
    this.#lookAround();
  }

  /** Makes `run` end with this error. */
  fail(error: unknown): void {
    this.#failure.reject(error);
  }

  /**
   * Runs until stopped, or throws what went wrong. Either way no native call
   * of this thread is under way afterwards.
   */
  async run(): Promise<void> {
    const publishing = setInterval(
      () => this.#guard(this.#publish),
      PUBLISH_MS,
    );
    const reports = this.#serveReports();
    // Either loop's error ends both, and both have ended before this does.
    reports.catch((error) => this.fail(error));
    const work = this.#work();
    work.catch((error) => this.fail(error));
    try {
      await Promise.race([work, this.#failure.promise]);
    } finally {
      this.#ended = true;
      clearInterval(publishing);
      this.#lookAround();
      this.#parts.sink.wake();
      await Promise.allSettled([work, reports]);
      this.#parts.kind.abort();
    }
    this.#publish(true);
  }

  async #work(): Promise<void> {
    const { page, inbox, kind, rate, settlement, sink, tracing } = this.#parts;
    let isDrained = false;
    while (!this.#ended) {
      page.enter(Phase.idle);
      this.#settle(isDrained);
      this.#answerReleases();
      if (this.#isDone()) return;
      const limit = this.#limit();
      if (limit === 0) {
        await this.#rest();
        continue;
      }
      const pollMs = tracing === null ? 0 : tracing.now();
      const waitedMs = performance.now();
      const ready = inbox.take(limit);
      isDrained = ready === null;
      const batch: Batch | null = ready ?? await inbox.wait(limit, WAIT_MS);
      if (batch === null || this.#ended) {
        batch?.free();
        continue;
      }
      page.enter(Phase.native);
      if (batch.count > 0) {
        page.observe("poll", performance.now() - waitedMs);
        page.count("fetched", batch.count);
        rate.take(batch.count, batch.byteLength);
        this.#learnSize(batch);
        const ticket = settlement.open(batch);
        tracing?.open(ticket, pollMs);
        kind.handle(ticket);
        sink.flush();
        // The outputs are copied, and few inputs are looked at again.
        batch.unload();
      }
      sink.collect().forEach(this.#parts.onEvent);
      await turn();
    }
  }

  async #serveReports(): Promise<void> {
    const { sink, onEvent } = this.#parts;
    while (!this.#ended) {
      const events = await sink.waitAndCollect(WAIT_MS);
      events.forEach(onEvent);
      this.#wake.resolve();
    }
  }

  /** Records that may be fetched now; 0 while a bound is reached. */
  #limit(): number {
    const { inbox, limits, rate, settlement, sink, exactEveryMs } = this.#parts;
    if (this.#stopAtMs !== null) return 0;
    if (settlement.pendingBytes + sink.pendingBytes >= limits.pendingBytes) {
      return 0;
    }
    const limit = Math.max(
      0,
      Math.min(
        limits.batchRecords,
        Math.max(1, Math.floor(this.#batchBytes / this.#recordBytes)),
        limits.pendingRecords - settlement.pendingRecords,
        inbox.room,
        rate.allowance(),
      ),
    );
    return exactEveryMs === null ? limit : settlement.room(limit);
  }

  /** The size of coming records is guessed from those that came last. */
  #learnSize({ byteLength, count }: Batch): void {
    const share = Math.min(1, count / SIZE_RECORDS);
    this.#recordBytes += share * (byteLength / count - this.#recordBytes);
  }

  get #batchBytes(): number {
    return this.#parts.limits.pendingBytes / BATCH_SHARE;
  }

  #isDone(): boolean {
    if (this.#stopAtMs === null) return false;
    const { settlement, sink } = this.#parts;
    return settlement.idle && sink.idle || performance.now() >= this.#stopAtMs;
  }

  /** Somebody waits until what was taken is settled for good. */
  get #hurries(): boolean {
    return this.#releasing || this.#stopAtMs !== null;
  }

  /** Between two batches, so whatever was taken the settlement knows of. */
  #settle(isDrained: boolean): void {
    const { router, settlement, sink } = this.#parts;
    for (const [lane, offset] of router.takeEnds()) {
      settlement.skipTo(lane, offset);
    }
    sink.settle(this.#hurries, isDrained);
  }

  #answerReleases(): void {
    if (!this.#releasing) return;
    const { settlement, post } = this.#parts;
    this.#publish(); // what that says is durable, and may be released
    const released = settlement.takeReleased();
    if (released.length === 0) return;
    post({
      kind: "released",
      partitions: released.map(({ lane, position }) =>
        this.#released(lane, position)
      ),
    });
    this.#releasing = settlement.hasReleasing;
  }

  #released(lane: number, position: Position): Released {
    const notBeforeMs = this.#notBeforeMs.get(lane);
    this.#notBeforeMs.delete(lane);
    return notBeforeMs === undefined ? position : { ...position, notBeforeMs };
  }

  #publish = (last = false): void => {
    const { page, post, settlement, sink, heapBytes, tracing } = this.#parts;
    this.#settle(false);
    sink.publish();
    page.report(
      settlement.pendingRecords,
      settlement.pendingBytes + sink.pendingBytes,
    );
    const nowMs = performance.now();
    const changed = sink.takeChanged(this.#wantsExact(nowMs, last), last);
    if (changed.length > 0) {
      post({
        kind: "settled",
        partitions: changed,
        ...tracing?.takeSettled(),
      });
    }
    tracing?.publish(last);
    if (nowMs - this.#heapMs >= HEAP_EVERY_MS) {
      this.#heapMs = nowMs;
      page.reportHeap(heapBytes());
    }
  };

  /** Whether it is time to look at every open record. */
  #wantsExact(nowMs: number, last: boolean): boolean {
    const { exactEveryMs } = this.#parts;
    if (exactEveryMs === null) return false;
    if (!last && nowMs - this.#exactMs < exactEveryMs) return false;
    this.#exactMs = nowMs;
    return true;
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Waits for a report or a message, but not for long. */
  async #rest(): Promise<void> {
    const timer = setTimeout(() => this.#wake.resolve(), REST_MS);
    await this.#wake.promise;
    clearTimeout(timer);
    this.#wake = Promise.withResolvers();
  }

  #lookAround(): void {
    this.#wake.resolve();
    this.#parts.inbox.wake();
  }
}

/** Lets messages and reports in; 2 us, where a timer would cost 2 ms. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
