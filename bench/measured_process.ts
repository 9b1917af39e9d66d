/** One process of a system under test, seen through Linux' /proc. */
import { startGuarded } from "../tests/support/guarded_process.ts";
import type { GuardedProcess } from "../tests/support/guarded_process.ts";
import { within } from "../tests/support/wait.ts";

/** The kernel reports processor time in hundredths of a second. */
const TICKS_PER_SECOND = 100;
const STOP_TIMEOUT_MS = 30_000;

export interface Usage {
  /** User and system time since the start, children included. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

export class MeasuredProcess implements AsyncDisposable {
  #process: GuardedProcess;
  #usage: Usage = { cpuSeconds: 0, peakMb: 0 };

  constructor(
    command: readonly string[],
    options: {
      readonly cwd: string;
      readonly env: Record<string, string>;
      readonly logFile: string;
    },
  ) {
    this.#process = startGuarded(command, options);
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  /** Resolves when the process has ended, for whatever reason. */
  get ended(): Promise<unknown> {
    return this.#process.status;
  }

  /** Of now; of the last look when the process has ended since. */
  usage(): Usage {
    try {
      const folder = `/proc/${this.#process.pid}`;
      const status = Deno.readTextFileSync(`${folder}/status`);
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status);
      // A zombie has no memory, and its successor's figures are not ours.
      if (peak === null || !this.alive) return this.#usage;
      this.#usage = {
        cpuSeconds: cpuSeconds(Deno.readTextFileSync(`${folder}/stat`)),
        peakMb: Number(peak[1]) / 1024,
      };
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    return this.#usage;
  }

  /** @throws {Error} when it failed, or did not end after SIGTERM. */
  async stop(): Promise<void> {
    const endedByItself = !this.alive;
    this.#process.signal("SIGTERM");
    const status = await within(
      this.#process.status,
      STOP_TIMEOUT_MS,
      "ended after SIGTERM",
    );
    // A JVM that obeys SIGTERM exits with 143.
    const isFine = status.success || (!endedByItself && status.code === 143);
    if (!isFine) throw new Error(`exit status ${status.code}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.signal("SIGKILL");
    await this.#process.status;
  }
}

function cpuSeconds(stat: string): number {
  // The program's name comes before the figures and may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).map(Number);
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
}

function isGone(error: unknown): boolean {
  // ESRCH: the process ended between opening and reading the file.
  return error instanceof Deno.errors.NotFound ||
    (error instanceof Error && "code" in error && error.code === "ESRCH");
}
