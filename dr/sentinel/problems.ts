/** Tells what goes wrong again and again once, and that it is over. */
import type { Log } from "../../src/telemetry/log.ts";

export class Problems {
  readonly #log: Log;
  /** By what is tried: what was said last. */
  readonly #said = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  say(what: string, reason: string): void {
    if (this.#said.get(what) === reason) return;
    this.#said.set(what, reason);
    this.#log.warn(`cannot ${what}, and tries again`, { reason });
  }

  over(what: string): void {
    if (!this.#said.delete(what)) return;
    this.#log.info(`can ${what} again`);
  }
}
