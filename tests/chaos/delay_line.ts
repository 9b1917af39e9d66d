/** Bytes that come out some time after they went in, in order, and bounded. */

const defaultMostBytes = 1 << 20;

interface Parcel {
  readonly bytes: Uint8Array;
  readonly dueMs: number;
}

export class DelayLine {
  readonly #parcels: Parcel[] = [];
  #waitingBytes = 0;
  #isEnded = false;
  /** Resolved and replaced whenever something changes. */
  #news = Promise.withResolvers<void>();
  readonly #mostBytes: number;

  /** @param mostBytes more than this waits outside; default 1 MiB. */
  constructor(mostBytes = defaultMostBytes) {
    this.#mostBytes = mostBytes;
  }

  /** Resolves when there is room for more. Pushing to an ended one is lost. */
  async push(bytes: Uint8Array, delayMs: number): Promise<void> {
    const dueMs = performance.now() + delayMs;
    // Chunks are copied, for their reader uses its buffer again.
    this.#parcels.push({ bytes: bytes.slice(), dueMs });
    this.#waitingBytes += bytes.length;
    this.#changed();
    while (this.#waitingBytes > this.#mostBytes && !this.#isEnded) {
      await this.#news.promise;
    }
  }

  /** What was pushed before still comes out. */
  end(): void {
    this.#isEnded = true;
    this.#changed();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const parcel = this.#parcels.shift();
      if (parcel === undefined) {
        if (this.#isEnded) return;
        await this.#news.promise;
        continue;
      }
      const leftMs = parcel.dueMs - performance.now();
      if (leftMs > 0) {
        await new Promise((resolve) => setTimeout(resolve, leftMs));
      }
      yield parcel.bytes;
      this.#waitingBytes -= parcel.bytes.length;
      this.#changed();
    }
  }

  #changed(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
