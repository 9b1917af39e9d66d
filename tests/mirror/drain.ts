/** Whether the mirror has copied all that the source holds, by its lane logs. */
import type { IndependentClient } from "../support/independent_client.ts";
import { eventually } from "../support/wait.ts";
import { lanesTopic, type MirroredTopic } from "./checker.ts";
import { LaneMaps } from "./lane_maps.ts";

export class Drain {
  readonly #source: IndependentClient;
  readonly #target: IndependentClient;
  readonly #topics: readonly MirroredTopic[];
  readonly #maps: LaneMaps;
  readonly #next = new Map<number, number>();

  constructor(
    source: IndependentClient,
    target: IndependentClient,
    topics: readonly MirroredTopic[],
  ) {
    this.#source = source;
    this.#target = target;
    this.#topics = topics;
    // What is wrong with the logs is the checker's to say.
    this.#maps = new LaneMaps(lanesTopic("primary"), () => {});
  }

  /** Nothing may be written to the source meanwhile. */
  async reached(
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<void> {
    const goals = await this.#goals();
    await eventually(async () => {
      await this.#follow();
      const left = goals.filter(({ name, partition, offset }) =>
        (this.#maps.of(name, partition)?.position ?? 0) <= offset
      );
      if (left.length === 0) return true;
      const texts = left.slice(0, 5).map(({ name, partition, offset }) => {
        const position = this.#maps.of(name, partition)?.position ?? "nowhere";
        return `${name} [${partition}] at ${position} of ${offset + 1}`;
      });
      throw new Error(`${left.length} partitions: ${texts.join(", ")}`);
    }, { what: "mirrored everything", everyMs: 500, ...options });
  }

  /** The last committed record of each partition. */
  async #goals() {
    const goals: { name: string; partition: number; offset: number }[] = [];
    for (const { name } of this.#topics) {
      const last = new Map<number, number>();
      await this.#source.visitTopic(name, (records) => {
        for (const { partition, offset } of records) {
          last.set(partition, offset);
        }
      }, { isolation: "read_committed", awaitTransactions: true });
      for (const [partition, offset] of last) {
        goals.push({ name, partition, offset });
      }
    }
    return goals;
  }

  async #follow(): Promise<void> {
    await this.#target.visitTopic(lanesTopic("primary"), (records) => {
      for (const { partition, offset, value } of records) {
        this.#next.set(partition, offset + 1);
        this.#maps.observe(partition, offset, value);
      }
    }, { isolation: "read_committed", from: new Map(this.#next) });
  }
}
