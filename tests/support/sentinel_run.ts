/** The tasks `sentinel` and `status` as processes, and what they say. */
import assert from "node:assert/strict";
import type { SentinelStatus } from "../../dr/sentinel/mod.ts";
import type { StatusReport } from "../../src/commands/status_text.ts";
import { Child } from "./child.ts";
import { httpOf, type JobLogLine, logOf, withoutOurs } from "./job_process.ts";
import { eventually } from "./wait.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const startMs = 90_000;
const answerMs = 10_000;

type Env = Readonly<Record<string, string>>;

const run = (env: Env, ...args: readonly string[]) =>
  Child.deno(["run", "-A", "--no-check", main, ...args], {
    env: { ...withoutOurs(), HTTP_PORT: "0", ...env },
  });

export class SentinelRun implements AsyncDisposable {
  /** Knows no settings but these. */
  static start(env: Env): SentinelRun {
    return new SentinelRun(run(env, "sentinel"));
  }

  readonly child: Child;

  private constructor(child: Child) {
    this.child = child;
  }

  /** @throws {Error} while it does not answer. */
  async status(): Promise<SentinelStatus> {
    return await (await this.get("/status")).json() as SentinelStatus;
  }

  async get(path: string): Promise<Response> {
    const http = await httpOf(this.child, startMs);
    return await fetch(`${http}${path}`, {
      signal: AbortSignal.timeout(answerMs),
    });
  }

  /** Resolves when its status is as it should be. */
  async until(
    what: string,
    condition: (status: SentinelStatus) => boolean,
  ): Promise<void> {
    await eventually(async () => {
      const status = await this.status();
      if (condition(status)) return true;
      const log = this.child.lines("stderr").slice(-20).join("\n");
      throw new Error(`${JSON.stringify(status)}\n${log}`);
    }, { what, timeoutMs: 90_000, everyMs: 100 });
  }

  /** Lines of its log so far whose message matches. */
  log(pattern: RegExp): JobLogLine[] {
    return logOf(this.child).filter(({ message }) => pattern.test(message));
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
}

/** How a sentinel ends that cannot start. */
export async function refusedSentinel(
  env: Env,
): Promise<{ readonly code: number; readonly said: string }> {
  await using child = run(env, "sentinel");
  const { code } = await child.exit(startMs);
  return { code, said: child.lines("stderr").join("\n") };
}

/** What `status` prints, which is JSON where there is no terminal. */
export async function printedStatus(
  env: Env,
): Promise<{ readonly code: number; readonly report: StatusReport }> {
  await using child = run(env, "status");
  const { code } = await child.exit(startMs);
  const text = child.lines("stdout").join("\n");
  assert.notEqual(text, "", child.lines("stderr").join("\n"));
  return { code, report: JSON.parse(text) as StatusReport };
}
