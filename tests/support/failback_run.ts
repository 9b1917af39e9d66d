/** The tasks `failover` and `failback` as processes. */
import assert from "node:assert/strict";
import { Child } from "./child.ts";
import { withoutOurs } from "./job_process.ts";
import type { MirrorPair } from "./mirror_pair.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const endMs = 120_000;

export interface Ended {
  readonly code: number;
  readonly said: string;
  /** With `--json`: the last line. */
  // deno-lint-ignore no-explicit-any -- what it has is what the tests assert
  readonly report: any;
}

export class FailbackRuns {
  readonly #pair: MirrorPair;
  readonly #env: Readonly<Record<string, string>>;

  constructor(pair: MirrorPair, env: Readonly<Record<string, string>>) {
    this.#pair = pair;
    this.#env = env;
  }

  start(task: "failover" | "failback", ...args: readonly string[]): Child {
    const { source, target } = this.#pair;
    return Child.deno(["run", "-A", "--no-check", main, task, ...args], {
      env: {
        ...withoutOurs(),
        PRIMARY_BROKERS: source.cluster.bootstrapServers,
        SECONDARY_BROKERS: target.cluster.bootstrapServers,
        MIRROR_LANES: "2",
        ...this.#env,
      },
    });
  }

  /** To its end. */
  async run(
    task: "failover" | "failback",
    ...args: readonly string[]
  ): Promise<Ended> {
    await using child = this.start(task, ...args);
    const { code } = await child.exit(endMs);
    const out = child.lines("stdout");
    const said = [...out, ...child.lines("stderr")].join("\n");
    const report = args.includes("--json") ? JSON.parse(out.at(-1)!) : {};
    return { code, said, report };
  }

  /** To its end, which must be a good one. */
  async json(
    task: "failover" | "failback",
    ...args: readonly string[]
  ): Promise<Ended["report"]> {
    const { code, report, said } = await this.run(task, ...args, "--json");
    assert.equal(code, 0, said);
    return report;
  }
}
