/** A bound on bytes that are under way; whoever finds no room waits in line. */

interface Waiting {
  readonly bytes: number;
  readonly admit: () => void;
  readonly refuse: (reason: unknown) => void;
}

export class ByteRoom {
  readonly #limit: number;
  readonly #waiting: Waiting[] = [];
  #taken = 0;

  /** @throws {RangeError} unless the limit is 1 byte or more. */
  constructor(limit: number) {
    if (!(limit >= 1)) {
      throw new RangeError(`a limit of ${limit} bytes; expected 1 or more`);
    }
    this.#limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /**
   * Resolves in the order of the calls. What is larger than the limit has it to
   * itself.
   * @throws the signal's reason, or that of `refuseAll`; nothing is taken then.
   */
  take(bytes: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#taken += bytes;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
        this.#admit(); // who stood behind it may be smaller
      };
      const settle = (end: () => void) => {
        signal.removeEventListener("abort", abort);
        end();
      };
      const waiting: Waiting = {
        bytes,
        admit: () => settle(resolve),
        refuse: (reason) => settle(() => reject(reason)),
      };
      signal.addEventListener("abort", abort);
      this.#waiting.push(waiting);
    });
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
    this.#admit();
  }

  /** Sends away all who wait. */
  refuseAll(reason: unknown): void {
    for (const { refuse } of this.#waiting.splice(0)) refuse(reason);
  }

  #admit(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || !this.#fits(first.bytes)) return;
      this.#waiting.shift();
      this.#taken += first.bytes;
      first.admit();
    }
  }

  #fits(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.#limit;
  }
}
