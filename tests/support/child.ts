/** The program under test as a process of its own, with its output as lines. */
import { fileURLToPath } from "node:url";
import { type GuardedProcess, startGuarded } from "./guarded_process.ts";
import { within } from "./wait.ts";

const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

/** How many of the last lines an error quotes. */
const quotedLines = 20;

export interface ChildOptions {
  /** Added to the environment of the test process. */
  readonly env?: Record<string, string>;
  /** Default: the project's root. */
  readonly cwd?: string;
}

export type OutputName = "stdout" | "stderr";

export interface WaitForLineOptions {
  /** Default: either. */
  readonly stream?: OutputName;
  /** Default 30,000. */
  readonly timeoutMs?: number;
}

interface Line {
  readonly stream: OutputName;
  readonly text: string;
}

/**
 * A running program. It is killed when it is disposed of or when the test process
 * ends, whatever the cause.
 */
export class Child implements AsyncDisposable {
  /** Starts `deno <args>`, for example `["run", "-A", "src/main.ts"]`. */
  static deno(args: readonly string[], options: ChildOptions = {}): Child {
    return Child.start([Deno.execPath(), ...args], options);
  }

  static start(command: readonly string[], options: ChildOptions = {}): Child {
    return new Child(startGuarded(command, {
      cwd: options.cwd ?? projectRoot,
      env: options.env ?? {},
    }));
  }

  readonly pid: number;
  #process: GuardedProcess;
  #lines: Line[] = [];
  #ended: Promise<Deno.CommandStatus>;
  #isOver = false;
  /** Resolved and replaced whenever there is something new to look at. */
  #news = Promise.withResolvers<void>();

  private constructor(process: GuardedProcess) {
    this.#process = process;
    this.pid = process.pid;
    this.#ended = this.#follow();
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  /** All whole lines so far, without their line ends. */
  lines(stream: OutputName): string[] {
    return this.#lines.filter((line) => line.stream === stream)
      .map(({ text }) => text);
  }

  /** Does nothing when the process has already ended. */
  signal(signal: Deno.Signal): void {
    this.#process.signal(signal);
  }

  /**
   * The first line, of the past ones or of those to come, that matches.
   *
   * @throws {Error} with the last output, when the process ends before or the
   * time is over.
   */
  async waitForLine(
    pattern: RegExp,
    options: WaitForLineOptions = {},
  ): Promise<string> {
    const { stream, timeoutMs = 30_000 } = options;
    const deadline = performance.now() + timeoutMs;
    for (let seen = 0;;) {
      for (; seen < this.#lines.length; seen++) {
        const line = this.#lines[seen]!;
        const isWanted = stream === undefined || line.stream === stream;
        if (isWanted && pattern.test(line.text)) return line.text;
      }
      if (this.#isOver) {
        throw new Error(`ended without a line ${pattern}${this.#tail()}`);
      }
      await this.#within(this.#news.promise, deadline, `said ${pattern}`);
    }
  }

  /**
   * The exit status, once all output has been read.
   *
   * @throws {Error} with the last output, when the process still runs then.
   */
  async exit(timeoutMs = 30_000): Promise<Deno.CommandStatus> {
    const deadline = performance.now() + timeoutMs;
    return await this.#within(this.#ended, deadline, "ended");
  }

  /** The most memory it has ever held, in bytes. Only on Linux, while alive. */
  async peakMemoryBytes(): Promise<number> {
    const status = await Deno.readTextFile(`/proc/${this.pid}/status`);
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(status);
    if (match === null) throw new Error("no VmHWM in the process's status");
    return Number(match[1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
  }

  async #follow(): Promise<Deno.CommandStatus> {
    const [status] = await Promise.all([
      this.#process.status,
      this.#collect("stdout", this.#process.stdout),
      this.#collect("stderr", this.#process.stderr),
    ]);
    this.#isOver = true;
    this.#announce();
    return status;
  }

  async #collect(stream: OutputName, bytes: ReadableStream<Uint8Array>) {
    const decoder = new TextDecoder();
    let rest = "";
    const add = (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const text of lines) this.#lines.push({ stream, text });
      this.#announce();
    };
    for await (const chunk of bytes) {
      add(decoder.decode(chunk, { stream: true }));
    }
    add(decoder.decode());
    if (rest !== "") add("\n");
  }

  #announce(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  async #within<T>(promise: Promise<T>, deadline: number, what: string) {
    const leftMs = Math.max(0, Math.round(deadline - performance.now()));
    try {
      return await within(promise, leftMs, what);
    } catch (cause) {
      const { message } = cause as Error;
      throw new Error(message + this.#tail(), { cause });
    }
  }

  #tail(): string {
    const last = this.#lines.slice(-quotedLines)
      .map(({ stream, text }) => `\n  ${stream}: ${text}`);
    return `; its last lines:${last.join("") || " none"}`;
  }
}
