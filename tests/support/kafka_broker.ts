/** One broker process, which is also a controller of its cluster. */
import { startGuarded } from "./guarded_process.ts";
import type { GuardedProcess } from "./guarded_process.ts";
import { awaitStopped } from "./process_state.ts";
import { takeJvmSlot } from "./jvm_slots.ts";
import { within } from "./wait.ts";

/** The time after which a broker that was asked to end counts as hung. */
const stopTimeoutMs = 60_000;

export interface BrokerSettings {
  readonly nodeId: number;
  /** Loopback port for clients. */
  readonly port: number;
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly logFile: string;
  /** Resolves when the cluster answers through this broker. */
  readonly ready: (broker: KafkaBroker) => Promise<void>;
}

export class KafkaBroker implements AsyncDisposable {
  readonly nodeId: number;
  readonly port: number;
  readonly logFile: string;
  #settings: BrokerSettings;
  #process: GuardedProcess | undefined;
  #paused = false;

  constructor(settings: BrokerSettings) {
    this.#settings = settings;
    this.nodeId = settings.nodeId;
    this.port = settings.port;
    this.logFile = settings.logFile;
  }

  /** True while the process exists, so of a paused one too. */
  get alive(): boolean {
    return this.#process?.alive ?? false;
  }

  /** Of the current process, or of the last one. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Starts the process without waiting until it is ready. */
  launch(): void {
    if (this.alive) throw new Error(`broker ${this.nodeId} runs already`);
    const slot = takeJvmSlot(`broker ${this.nodeId}`);
    const process = startGuarded(this.#settings.command, {
      logFile: this.logFile,
    });
    void process.status.then(() => slot[Symbol.dispose]());
    this.#process = process;
    this.#paused = false;
  }

  /** SIGKILL; resolves when the process is gone. Unwritten data stays behind. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** SIGTERM; resolves when the broker has shut down in order. */
  stop(): Promise<void> {
    this.resume();
    return this.#end("SIGTERM");
  }

  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void {
    this.#process?.signal("SIGSTOP");
    this.#paused = this.alive;
    if (this.#paused) awaitStopped(this.pid!);
  }

  /** SIGCONT. */
  resume(): void {
    this.#process?.signal("SIGCONT");
    this.#paused = false;
  }

  /** Stops it if need be, starts it on its old data and port, waits for it. */
  async restart(): Promise<void> {
    if (this.alive) await this.stop();
    this.launch();
    await this.#settings.ready(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #end(signal: Deno.Signal): Promise<void> {
    const process = this.#process;
    if (process === undefined) return;
    process.signal(signal);
    await within(
      process.status,
      stopTimeoutMs,
      `broker ${this.nodeId} ended after ${signal} (see ${this.logFile})`,
    );
    this.#paused = false;
  }
}

/** The last errors in a broker's log, each with the line that says why. */
export function lastErrors(log: string): string[] {
  const lines = log.split("\n");
  const isError = (line = "") => /^\S+ \[[^\]]*\] (ERROR|FATAL) /.test(line);
  return lines.filter((line, at) => isError(line) || isError(lines[at - 1]))
    .slice(-20);
}
