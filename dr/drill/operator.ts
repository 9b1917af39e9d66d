/** Runs the commands of a drill, and knows which have ended. */
import type { Log } from "../../src/telemetry/log.ts";
import { DrillError } from "./errors.ts";
import type { Action } from "./plan.ts";
import type { DrillWorld } from "./types.ts";

/** Each of their own waits ends before that. */
const COMMAND_MS = 300_000;

export interface OperatorOptions {
  readonly world: Pick<DrillWorld, "run">;
  readonly log: Log;
  /** Default: five minutes. */
  readonly commandMs?: number | undefined;
}

export class Operator {
  readonly #options: OperatorOptions;
  readonly #ended = new Set<number>();
  #running = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /** Places of steps whose commands have ended well. */
  get ended(): ReadonlySet<number> {
    return this.#ended;
  }

  get isBusy(): boolean {
    return this.#running > 0;
  }

  /** @throws {DrillError} where a command has failed, or takes too long. */
  expectWell(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Ends with the signal. */
  begin(action: Extract<Action, { kind: "run" }>, signal: AbortSignal): void {
    this.#running++;
    void this.#run(action, signal)
      .catch((error) => this.#failure ??= { error })
      .finally(() => this.#running--);
  }

  async #run(
    { command, step }: Extract<Action, { kind: "run" }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { commandMs = COMMAND_MS, log, world } = this.#options;
    log.info(`runs: ${command}`);
    const late = AbortSignal.timeout(commandMs);
    try {
      await world.run(command, AbortSignal.any([signal, late]));
    } catch (error) {
      signal.throwIfAborted();
      if (!late.aborted) throw error;
      throw new DrillError(
        `${command} has not ended after ${commandMs / 1000} s`,
      );
    }
    log.info(`is done: ${command}`);
    this.#ended.add(step);
  }
}
