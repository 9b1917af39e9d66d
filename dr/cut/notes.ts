/** Says what is the case once, and once when it is no longer. */
import type { Log, LogFields } from "../../src/telemetry/log.ts";

export interface Note {
  readonly message: string;
  readonly fields: LogFields;
}

export class Notes {
  readonly #log: Log;
  /** By subject, as text. */
  readonly #said = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Warns of `note` unless that was said of the subject last.
   * @param note null: there is nothing to be said any more
   */
  say(subject: string, note: Note | null): void {
    const before = this.#said.get(subject);
    if (note === null) {
      if (before === undefined) return;
      this.#said.delete(subject);
      this.#log.info(`${subject}: no longer so`);
      return;
    }
    const text = JSON.stringify(note);
    if (text === before) return;
    this.#said.set(subject, text);
    this.#log.warn(`${subject}: ${note.message}`, note.fields);
  }
}
