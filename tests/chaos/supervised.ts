/**
 * A process with a name that stays the same, started again when it ends without
 * being asked to, as a supervisor would.
 */
import type { Child } from "../support/child.ts";
import { pause } from "../support/pause.ts";

export interface SupervisedOptions {
  readonly id: string;
  /** For its log. */
  readonly folder: string;
  /** Told when it ended by itself. */
  readonly onEnd: (end: UnaskedEnd) => void;
}

/** Of a process that nobody killed, or that did not end as it was asked to. */
export interface UnaskedEnd {
  readonly what: string;
  /**
   * It gave a thread up that hung, which nothing can stop but the end of the
   * process. Every other end is a fault of the process itself.
   */
  readonly isWatchdog: boolean;
}

/** What faults do to a process. */
export interface Victim {
  readonly id: string;
  start(): void;
  kill(): Promise<void>;
  stop(): Promise<void>;
  pause(): void;
  resume(): void;
}

const restartMs = 500;
const stopTimeoutMs = 60_000;
const startedLine = /"message":"started"/;

export abstract class Supervised<P extends { readonly child: Child }>
  implements AsyncDisposable, Victim {
  readonly #options: SupervisedOptions;
  #process: P | undefined;
  #ended: Promise<void> = Promise.resolve();
  #isWanted = false;
  #isPaused = false;
  readonly #disposed = new AbortController();

  protected constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#options.id;
  }

  /** Undefined while there is no process. */
  get pid(): number | undefined {
    const { child } = this.#process ?? {};
    return child?.alive ? child.pid : undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Does nothing when it is there already. */
  start(): void {
    this.#isWanted = true;
    if (this.#process !== undefined) return;
    const process = this.launch();
    this.#process = process;
    this.#ended = this.#follow(process);
  }

  /** Resolves when the process is gone; so do the others. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGTERM; one that does not end within a minute is killed and reported. */
  async stop(): Promise<void> {
    this.resume();
    await this.#end("SIGTERM");
  }

  /** SIGSTOP. */
  pause(): void {
    this.#process?.child.signal("SIGSTOP");
    this.#isPaused = this.pid !== undefined;
  }

  /** SIGCONT. */
  resume(): void {
    this.#process?.child.signal("SIGCONT");
    this.#isPaused = false;
  }

  /** In bytes; undefined while there is no process. */
  async residentBytes(): Promise<number | undefined> {
    const { pid } = this;
    if (pid === undefined) return undefined;
    try {
      const status = await Deno.readTextFile(`/proc/${pid}/status`);
      const match = /^VmRSS:\s+(\d+) kB$/m.exec(status);
      return match === null ? undefined : Number(match[1]) * 1024;
    } catch (error) {
      // It has ended meanwhile.
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort();
    await this.kill();
  }

  protected abstract launch(): P;

  protected get process(): P | undefined {
    return this.#process;
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#isWanted = false;
    const { child } = this.#process ?? {};
    if (child !== undefined) {
      child.signal(signal);
      try {
        const { code } = await child.exit(stopTimeoutMs);
        // Before it listens to signals it may end at once.
        const isUp = child.lines("stderr").some((line) =>
          startedLine.test(line)
        );
        if (signal === "SIGTERM" && code !== 0 && isUp) {
          this.#tell(`${this.id} ended with ${code} after ${signal}`, child);
        }
      } catch {
        this.#tell(`${this.id} did not end after ${signal}`, child);
        child.signal("SIGKILL");
      }
    }
    await this.#ended;
  }

  async #follow({ child }: P): Promise<void> {
    const { code, signal } = await lastly(child);
    await this.#keepLog(child, `ended with ${signal ?? code}`);
    this.#process = undefined;
    this.#isPaused = false;
    if (!this.#isWanted) return;
    const end = `${this.id} ended by itself with ${signal ?? code}`;
    this.#tell(`${end}: ${reasonOf(child)}`, child);
    await pause(restartMs, this.#disposed.signal);
    if (this.#isWanted && !this.#disposed.signal.aborted) this.start();
  }

  #tell(what: string, child: Child): void {
    const isWatchdog = child.lines("stderr").some((line) =>
      /"log.level":"error","message":"worker \d+ hangs/.test(line)
    );
    this.#options.onEnd({ what, isWatchdog });
  }

  async #keepLog(child: Child, end: string): Promise<void> {
    const lines = [
      `--- process ${child.pid}`,
      ...child.lines("stderr"),
      ...child.lines("stdout"),
      `--- ${end}`,
    ];
    await Deno.writeTextFile(
      `${this.#options.folder}/${this.id}.log`,
      `${lines.join("\n")}\n`,
      { append: true },
    );
  }
}

/** Its last errors, or what it said last. */
function reasonOf(child: Child): string {
  const lines = child.lines("stderr");
  const errors = lines.filter((line) =>
    !/"log.level":"(info|debug)"/.test(line)
  );
  return (errors.length > 0 ? errors : lines).slice(-4).join(" | ");
}

/** However long it takes. */
const lastly = (child: Child) => child.exit(2 ** 31 - 1);
