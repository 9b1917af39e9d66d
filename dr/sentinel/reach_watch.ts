/**
 * Up to when the target has all that the source had, as the mirror tells there
 * (`dr/cut/reach.ts`): nothing that was written before is missing.
 */
import type { Library } from "../../src/kafka/mod.ts";
import { decodeHeartbeat, FormatError } from "../formats/mod.ts";
import type { OnClientEvent, StateCluster } from "../state/mod.ts";
import type { TopicRecord } from "../state/read_log.ts";
import { tailTopic } from "../state/tail.ts";
import { pause } from "../waits.ts";

export interface ReachWatchOptions {
  readonly library: Library;
  /** The target. */
  readonly cluster: StateCluster;
  /** See `reachedTopic`. */
  readonly topic: string;
  readonly onClientEvent: OnClientEvent;
  readonly onFailure: (error: Error) => void;
  /** After failures: it can be read again. */
  readonly onRead: () => void;
}

/** Where no mirror has ever run there is no such topic. */
const LOOK_AGAIN_MS = 5_000;
const REQUEST_MS = 2_000;

export class ReachWatch {
  readonly #options: ReachWatchOptions;
  #reachedMs: number | null = null;

  constructor(options: ReachWatchOptions) {
    this.#options = options;
  }

  /** Milliseconds since the epoch, by the mirror's clock; null: none is known. */
  get reachedMs(): number | null {
    return this.#reachedMs;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !await this.#isThere(signal)) {
      await pause(LOOK_AGAIN_MS, signal);
    }
    for await (const { records } of tailTopic({ ...this.#options, signal })) {
      this.#options.onRead();
      for (const record of records) this.#take(record);
    }
  }

  async #isThere(signal: AbortSignal): Promise<boolean> {
    const { cluster: { admin }, onFailure, topic } = this.#options;
    try {
      const [answer] = await admin.partitions.offsets(
        [{ topic, partition: 0, at: "latest" }],
        { timeoutMs: REQUEST_MS, signal },
      );
      return answer!.error === null;
    } catch (error) {
      if (!signal.aborted) onFailure(error as Error);
      return false;
    }
  }

  #take({ key, value }: TopicRecord): void {
    try {
      const reached = decodeHeartbeat(key, value);
      if (reached === null) return;
      this.#reachedMs = Math.max(this.#reachedMs ?? 0, reached.timestampMs);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#options.onFailure(error);
    }
  }
}
