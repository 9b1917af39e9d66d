/** When readers of committed records could first see what is in a topic. */
import type { IndependentClient } from "../../support/independent_client.ts";
import { pause } from "../../support/pause.ts";

const LOOK_MS = 10;

interface Look {
  /** When the answer was there. */
  readonly atMs: number;
  /** Last stable offsets, by partition. */
  readonly ends: readonly number[];
}

/** Looks at the ends of a topic all the time until it is disposed of. */
export class StableEnds implements AsyncDisposable {
  readonly #closing = new AbortController();
  readonly #looks: Look[] = [];
  readonly #watching: Promise<void>;

  constructor(client: IndependentClient, topic: string) {
    this.#watching = this.#watch(client, topic);
    this.#watching.catch(() => {}); // told by the disposal
  }

  /** Null: it was never seen. */
  seenMs(
    { offset, partition }: {
      readonly offset: number;
      readonly partition: number;
    },
  ): number | null {
    const first = this.#looks.find(({ ends }) => offset < ends[partition]!);
    return first?.atMs ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#watching;
  }

  async #watch(client: IndependentClient, topic: string): Promise<void> {
    const { signal } = this.#closing;
    for (; !signal.aborted; await pause(LOOK_MS, signal)) {
      const ends = (await client.watermarks(topic)).map(({ high }) => high);
      this.#looks.push({ atMs: Date.now(), ends });
    }
  }
}
