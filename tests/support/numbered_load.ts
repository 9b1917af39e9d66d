/** Records that say where they are. */
import { Sender } from "../../dr/sender.ts";
import { library } from "./embedded.ts";
import type { MirrorPair } from "./mirror_pair.ts";
import { pause } from "./pause.ts";

/** Writes them, `partition-offset`, to a topic until it is disposed of. */
export class NumberedLoad implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(
    { cluster }: MirrorPair["source"],
    topic: string,
    partitions: number,
  ) {
    this.#running = this.#run(cluster.bootstrapServers, topic, partitions);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(
    bootstrapServers: string,
    topic: string,
    partitions: number,
  ): Promise<void> {
    const { signal } = this.#stop;
    await using sender = new Sender({
      library,
      properties: {
        "bootstrap.servers": bootstrapServers,
        "enable.idempotence": true,
        "linger.ms": 1,
      },
      onEvent: () => {},
    });
    const next = new Array<number>(partitions).fill(0);
    try {
      while (!signal.aborted) {
        const records = next.flatMap((from, partition) =>
          Array.from({ length: 20 }, (_, at) => ({
            topic,
            partition,
            key: `${at}`,
            value: `${partition}-${from + at}`,
          }))
        );
        await sender.send(records, signal);
        for (const partition of next.keys()) next[partition]! += 20;
        await pause(10);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
