/**
 * What becomes of threads that fail: their partitions are taken back at once,
 * and another thread takes their place.
 *
 *     failed by itself     removed; restarts after a delay
 *     cannot commit        told to stop; its successor opens at once
 *     stands still         fenced and left; the process must end
 *     heap too large       retires when its successor has its partitions
 */
import type { Log } from "../telemetry/log.ts";
import { CrashHistory } from "./crash_history.ts";
import type { RefusedInput, WorkerFailure } from "./protocol.ts";
import type { Recovery } from "./recovery.ts";
import type { Tally } from "./tally.ts";
import type { ThreadState, WorkerThread } from "./thread.ts";
import { Watchdog } from "./watchdog.ts";
import type { Workers } from "./workers.ts";

export interface SupervisionParts {
  readonly workers: () => Workers;
  readonly recovery: Recovery;
  readonly log: Log;
  readonly tally: Tally;
  readonly watchdogMs: number;
  /** How often `observe` is called. */
  readonly tickMs: number;
  /** Heap of a worker at which it is replaced. */
  readonly workerHeapBytes: number;
  /** Partitions want a thread. */
  readonly place: () => void;
  /** Only a new process helps; it goes on until `end`. */
  readonly unhealthy: (reason: string) => void;
  /** It was only a crash loop, and that has passed. */
  readonly healthy: () => void;
  readonly end: (reason: string) => void;
}

/**
 * After a thread hangs, the others go on this long before the process drains:
 * time for a supervisor to see `/livez` fail, and for moved partitions to run.
 */
const HANG_GRACE_MS = 5000;
/** Between successors where aborts go on: two instances of one name, say. */
const REPEATED_ABORTS_MS = 1000;
const CAN_STOP: ReadonlySet<ThreadState> = new Set(["running", "stopping"]);
/** Refused inputs that are remembered: far more than any retention of aborts. */
const MOST_REFUSED = 100_000;

export class Supervision implements Disposable {
  readonly #parts: SupervisionParts;
  readonly #watchdog: Watchdog;
  readonly #crashes = new CrashHistory();
  readonly #aborts = new CrashHistory();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #refused: readonly RefusedInput[] = [];
  #looping = false;
  #ended = false;

  constructor(parts: SupervisionParts) {
    this.#parts = parts;
    this.#watchdog = new Watchdog(parts.watchdogMs, parts.tickMs);
  }

  /** Inputs that new threads must send to the dead letters. */
  get refused(): readonly RefusedInput[] {
    return this.#refused;
  }

  forget(thread: WorkerThread): void {
    this.#watchdog.forget(thread.id);
  }

  /** For how long a thread has not moved, as far as the watchdog has seen. */
  stalledMs(thread: WorkerThread): number {
    return this.#watchdog.stillTicks(thread.id) * this.#parts.tickMs;
  }

  /** Gives up all threads that have not stopped. */
  abandonAll(isHalted: boolean): void {
    for (const each of this.#parts.workers().all) {
      if (!isHalted) this.abandonAt(each, each.page.word);
      else if (each.state === "stopping") each.abandon();
    }
  }

  /** Looks at every thread, and at how often they have crashed. */
  observe(): void {
    for (const thread of this.#parts.workers().all) this.#observe(thread);
    const looping = this.#crashes.isLoop(performance.now());
    if (looping) this.#parts.unhealthy("workers crash again and again");
    else if (this.#looping) this.#parts.healthy();
    this.#looping = looping;
  }

  /**
   * A thread has ended by itself.
   * @param restarts whether another one is to take its place
   */
  lost(thread: WorkerThread, failure: WorkerFailure, restarts: boolean): void {
    const { log, recovery, tally, workers } = this.#parts;
    const from = recovery.uncommittedOf(thread);
    this.#refused = [...this.#refused, ...failure.refused ?? []]
      .slice(-MOST_REFUSED);
    workers().remove(thread, this.#takeBack(thread));
    if (!restarts) return;
    if (failure.reason === "aborted") {
      this.#aborted(thread, failure.message, from);
      return;
    }
    tally.restarts++;
    const delayMs = this.#crashes.add(performance.now());
    log.warn("worker restarts", {
      worker: thread.id,
      error: failure.message,
      delayMs: Math.round(delayMs),
    });
    this.#later(() => workers().openMissing(), delayMs);
  }

  /** A thread's transaction cannot count: another thread repeats its work. */
  async giveUp(thread: WorkerThread, reason: string): Promise<void> {
    const { recovery, workers } = this.#parts;
    if (this.#ended || !CAN_STOP.has(thread.state)) return;
    const from = recovery.uncommittedOf(thread);
    const fenced = this.#takeBack(thread);
    const ended = thread.giveUp();
    this.#aborted(thread, reason, from);
    await ended;
    if (thread.state === "ended") workers().remove(thread, fenced);
  }

  /** Its successor opens at once, unless that has been in vain before. */
  #aborted(thread: WorkerThread, reason: string, from: string): void {
    const { log, workers } = this.#parts;
    const delayMs = this.#aborts.add(performance.now());
    log.warn("transaction aborted", {
      worker: thread.id,
      error: reason,
      from,
    });
    if (delayMs < REPEATED_ABORTS_MS) workers().openMissing();
    else this.#later(() => workers().openMissing(), REPEATED_ABORTS_MS);
  }

  /** Gives a thread that hangs up, unless it has moved on from `word`. */
  abandonAt(thread: WorkerThread, word: number): void {
    if (thread.state === "ended" || !thread.page.fence(word)) return;
    const { end, log, unhealthy } = this.#parts;
    const starting = thread.state === "starting";
    const reason = `worker ${thread.id} hangs` +
      (starting ? " while it loads the processor" : "");
    log.error(reason);
    thread.abandon();
    this.forget(thread);
    unhealthy(reason);
    this.#takeBack(thread);
    this.#later(() => end(reason), starting ? 0 : HANG_GRACE_MS);
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #observe(thread: WorkerThread): void {
    const { log, workerHeapBytes, workers } = this.#parts;
    const { word } = thread.page;
    if (thread.isOnItsOwn && this.#watchdog.observe(thread.id, word)) {
      this.abandonAt(thread, word);
      return;
    }
    if (thread.page.heapBytes > workerHeapBytes && thread.available) {
      log.warn("worker replaced", {
        worker: thread.id,
        heapMb: Math.round(thread.page.heapBytes / 2 ** 20),
      });
      // Its successor comes first, so that nothing waits.
      thread.retiring = true;
      workers().openMissing();
    }
  }

  /** Ends the ownerships of a thread; its partitions are placed anew. */
  #takeBack(thread: WorkerThread): Promise<void> {
    const { end, place, recovery } = this.#parts;
    const fenced = recovery.takeBack(thread);
    fenced.catch((error) => end(String(error)));
    place();
    return fenced;
  }

  #later(action: () => void, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delayMs);
    this.#timers.add(timer);
  }
}
