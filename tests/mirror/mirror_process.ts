/** Processes of `deno task mirror`, supervised. */
import { fileURLToPath } from "node:url";
import { Child } from "../support/child.ts";
import { logLine, withoutOurs } from "../support/job_process.ts";
import { within } from "../support/wait.ts";
import { Supervised, type UnaskedEnd } from "../chaos/supervised.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** What `/status` says, as far as tests look at it. */
export interface MirrorStatus {
  readonly role: "mirror";
  readonly phase: string;
  readonly lanes: readonly {
    readonly lane: number;
    readonly state: string;
    readonly partitions: readonly {
      readonly topic: string;
      readonly partition: number;
      readonly position: number;
    }[];
  }[];
  readonly totals: { readonly mirrored: number; readonly bytes: number };
  readonly lag: { readonly records: number; readonly ageMs: number | null };
  readonly damage: readonly unknown[];
}

/** The only line on stdout. */
export interface MirrorSummary {
  readonly event: "summary";
  readonly mirrored: number;
}

export interface MirrorProcessesOptions {
  readonly count: number;
  readonly env: Readonly<Record<string, string>>;
  /** For a log of each. */
  readonly folder: string;
  /** Told when one ended by itself. */
  readonly onEnd: (end: UnaskedEnd) => void;
}

const statusTimeoutMs = 2_000;

class Running {
  readonly child: Child;

  constructor(child: Child) {
    this.child = child;
  }

  async status(): Promise<MirrorStatus> {
    const line = await this.child.waitForLine(/"message":"started"/, {
      stream: "stderr",
      timeoutMs: statusTimeoutMs,
    });
    const { http } = logLine(line);
    const response = await fetch(`${http as string}/status`);
    return await response.json() as MirrorStatus;
  }
}

export class MirrorProcess extends Supervised<Running> {
  readonly #options: MirrorProcessesOptions;

  constructor(number: number, options: MirrorProcessesOptions) {
    super({ ...options, id: `mirror-${number}` });
    this.#options = options;
  }

  /** Rejects when the process does not answer, for whatever reason. */
  async status(): Promise<MirrorStatus> {
    const running = this.process;
    if (running === undefined) throw new Error(`${this.id} does not run`);
    return await within(running.status(), statusTimeoutMs, "told its status");
  }

  /** Of the lanes that it has; empty while it does not answer. */
  async lanes(): Promise<number[]> {
    try {
      return (await this.status()).lanes.map(({ lane }) => lane);
    } catch {
      return [];
    }
  }

  protected override launch(): Running {
    const { env } = this.#options;
    return new Running(
      Child.deno(["run", "-A", "--no-check", MAIN, "mirror"], {
        env: {
          ...withoutOurs(),
          INSTANCE_ID: this.id,
          HTTP_PORT: "0",
          ...env,
        },
      }),
    );
  }
}

export class MirrorProcesses implements AsyncDisposable {
  readonly all: readonly MirrorProcess[];

  constructor(options: MirrorProcessesOptions) {
    this.all = Array.from(
      { length: options.count },
      (_, number) => new MirrorProcess(number + 1, options),
    );
  }

  startAll(): void {
    for (const each of this.all) each.start();
  }

  /** SIGTERM to all at once. */
  async stopAll(): Promise<void> {
    await Promise.all(this.all.map((each) => each.stop()));
  }

  /** SIGKILL to all at once: what they had not committed is lost. */
  async killAll(): Promise<void> {
    await Promise.all(this.all.map((each) => each.kill()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((each) => each[Symbol.asyncDispose]()));
  }
}
