/** The task `mirror` as a process, and what it says of itself. */
import assert from "node:assert/strict";
import type { MirrorStatus } from "../../dr/mirror/mod.ts";
import type { Child as ChildProcess } from "./child.ts";
import { Child } from "./child.ts";
import { httpOf, type JobLogLine, logOf, withoutOurs } from "./job_process.ts";
import { eventually } from "./wait.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const startMs = 120_000;
const answerMs = 10_000;

export class MirrorRun implements AsyncDisposable {
  /** Knows no settings but these. */
  static start(
    env: Readonly<Record<string, string>>,
    module = main,
    args: readonly string[] = [],
  ): MirrorRun {
    return new MirrorRun(
      Child.deno([
        "run",
        "-A",
        "--no-check",
        "--v8-flags=--max-semi-space-size=4",
        module,
        "mirror",
        ...args,
      ], { env: { ...withoutOurs(), HTTP_PORT: "0", ...env } }),
    );
  }

  readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  /** @throws {Error} while it does not answer. */
  async status(): Promise<MirrorStatus> {
    const response = await this.#get("/status");
    return await response.json() as MirrorStatus;
  }

  /** The status code and the text of `/readyz`. */
  async readiness(): Promise<string> {
    const response = await this.#get("/readyz");
    return `${response.status} ${await response.text()}`;
  }

  /** The value of a metric without labels but the flow's. */
  async metric(name: string): Promise<number> {
    const text = await (await this.#get("/metrics")).text();
    const match = new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, "m").exec(text);
    assert.ok(match !== null, `no ${name} in ${text}`);
    return Number(match[1]);
  }

  /** Of a partition; undefined where the process does not have it. */
  async partition(topic: string, partition: number) {
    const { lanes } = await this.status();
    for (const { lane, state, partitions } of lanes) {
      const found = partitions.find((each) =>
        each.topic === topic && each.partition === partition
      );
      if (found !== undefined) return { lane, state, ...found };
    }
    return undefined;
  }

  /** Lines of its log so far whose message matches. */
  log(pattern: RegExp, topic?: string): JobLogLine[] {
    return logOf(this.child).filter((line) =>
      pattern.test(line.message) &&
      (topic === undefined || line.topic === topic)
    );
  }

  /** Why lanes began anew, so far. */
  beginnings(): { readonly lane: unknown; readonly reason: string }[] {
    return this.log(/^lane begins anew$/)
      .map(({ lane, reason }) => ({ lane, reason: String(reason) }));
  }

  /** Resolves when its status is as it should be. */
  async until(
    what: string,
    condition: (status: MirrorStatus) => boolean | Promise<boolean>,
    timeoutMs = 90_000,
  ): Promise<void> {
    await eventually(async () => {
      const status = await this.status();
      if (await condition(status)) return true;
      throw new Error(JSON.stringify(status));
    }, { what, timeoutMs, everyMs: 100 });
  }

  /** What it holds now. Only on Linux. */
  async memoryBytes(): Promise<number> {
    const path = `/proc/${this.child.pid}/status`;
    const match = /^VmRSS:\s+(\d+) kB$/m.exec(await Deno.readTextFile(path));
    return Number(match![1]) * 1024;
  }

  /** Resolves when it has lanes and all of them run. */
  async running(): Promise<void> {
    await this.until(
      "running",
      ({ lanes, phase }) =>
        phase === "running" && lanes.length > 0 &&
        lanes.every(({ state }) => state === "running"),
      startMs,
    );
  }

  /** SIGTERM, and a clean end. */
  async stop(): Promise<void> {
    this.child.signal("SIGTERM");
    const { code, signal } = await this.child.exit(60_000);
    const log = this.child.lines("stderr").slice(-20).join("\n");
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, log);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }

  async #get(path: string): Promise<Response> {
    const http = await httpOf(this.child, startMs);
    return await fetch(`${http}${path}`, {
      signal: AbortSignal.timeout(answerMs),
    });
  }
}
