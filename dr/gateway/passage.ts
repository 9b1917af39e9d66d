/**
 * One client's connection and the one to its broker: bytes go both ways, unread.
 *
 *     client --read--> [ buffer ] --write--> broker
 *     client <-write-- [ buffer ] <--read--- broker
 *
 * A buffer is read into only when it has been written out: who reads slowly stops
 * who writes fast, by way of TCP. The end of one direction is passed on (a half
 * close), and the other goes on until its own end.
 */
import type { Ending } from "./types.ts";

export type Direction = "to broker" | "to client";

export interface PassageOptions {
  /** Both become the passage's. */
  readonly client: Deno.TcpConn;
  readonly broker: Deno.TcpConn;
  readonly bufferBytes: number;
  readonly idleTimeoutMs: number;
  /** Told of bytes that the receiver's socket has taken. */
  readonly onBytes: (direction: Direction, count: number) => void;
}

export class Passage {
  readonly #options: PassageOptions;
  #ending: Ending | null = null;
  #lastByteMs = performance.now();
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PassageOptions) {
    this.#options = options;
  }

  /** Resolves when both connections are closed, however that came. */
  async run(): Promise<Ending> {
    const { client, broker } = this.#options;
    this.#watchIdleness();
    await Promise.all([
      this.#forward(client, broker, "to broker"),
      this.#forward(broker, client, "to client"),
    ]);
    return this.close("ended");
  }

  /** Returns why it was closed, which may have been earlier. */
  close(ending: Ending): Ending {
    if (this.#ending !== null) return this.#ending;
    this.#ending = ending;
    clearTimeout(this.#idleTimer);
    this.#options.client.close();
    this.#options.broker.close();
    return ending;
  }

  async #forward(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    direction: Direction,
  ): Promise<void> {
    const buffer = new Uint8Array(this.#options.bufferBytes);
    try {
      // Small answers should not wait for the next one.
      to.setNoDelay(true);
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        this.#lastByteMs = performance.now();
        await this.#write(buffer.subarray(0, count), to, direction);
      }
      await to.closeWrite();
    } catch {
      // Sockets fail by their peers, by the network or by `close`.
      this.close("broken");
    }
  }

  async #write(
    bytes: Uint8Array,
    to: Deno.TcpConn,
    direction: Direction,
  ): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const count = await to.write(bytes.subarray(at));
      at += count;
      this.#lastByteMs = performance.now();
      this.#options.onBytes(direction, count);
    }
  }

  /** A direction that is stuck in writing is idle, too. */
  #watchIdleness(): void {
    if (this.#ending !== null) return;
    const idleMs = performance.now() - this.#lastByteMs;
    const leftMs = this.#options.idleTimeoutMs - idleMs;
    if (leftMs <= 0) {
      this.close("idle");
      return;
    }
    this.#idleTimer = setTimeout(() => this.#watchIdleness(), leftMs);
  }
}
