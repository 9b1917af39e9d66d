/**
 * A pool in exactly-once, as far as its cluster can tell: see
 * test_pool_process.ts. In a process of its own, since where the cluster dies a
 * call of librdkafka may have no end (`Client.bounded`).
 */
import { Child } from "./child.ts";

export interface TestPoolOptions {
  readonly bootstrapServers: string;
  readonly group: string;
  readonly input: string;
  readonly inputPartitions: number;
  readonly output: string;
  readonly outputPartitions: number;
}

/** Offsets that no input has: the mirror never comes to them. */
export const NEVER_MIRRORED = 1_000_000;

const program = new URL("./test_pool_process.ts", import.meta.url).pathname;

export class TestPool implements AsyncDisposable {
  readonly #child: Child;

  constructor(options: TestPoolOptions) {
    this.#child = Child.deno([
      "run",
      "-A",
      "--no-check",
      program,
      JSON.stringify(options),
    ]);
  }

  /**
   * That were committed by now.
   * @throws {Error} where it has ended.
   */
  get transactions(): number {
    if (!this.#child.alive) {
      throw new Error(`the pool ended: ${this.#child.lines("stderr").join()}`);
    }
    return this.#child.lines("stdout").length;
  }

  /** What it has begun may be committed or not, as when a cluster dies. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]();
  }
}
