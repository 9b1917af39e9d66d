/**
 * A far cluster on one machine: a TCP proxy whose bytes arrive later, in both
 * directions. It limits no throughput: what is on its way is bounded by memory
 * alone, as on a line whose windows were tuned for its length.
 *
 *     deno run bench/mirror/distance.ts <listen port> <target port> <delay ms>
 *
 * As a process of its own it is nobody's processor time.
 */
import { DelayLine } from "../../tests/chaos/delay_line.ts";

const CHUNK_BYTES = 1 << 18;
/** 100 ms of 1 GB/s, in each direction of each connection. */
const LINE_BYTES = 100 << 20;

export interface DistanceOptions {
  /** On loopback, as `targetPort`; 0: any free one. */
  readonly listenPort: number;
  readonly targetPort: number;
  /** In each direction: a round trip takes twice as long. */
  readonly delayMs: number;
}

export class Distance implements AsyncDisposable {
  readonly #options: DistanceOptions;
  readonly #listener: Deno.TcpListener;
  readonly #serving: Promise<void>;
  readonly #connections = new Set<Deno.Conn>();
  #disposed: Promise<void> | undefined;

  /** @throws {Deno.errors.AddrInUse} */
  constructor(options: DistanceOptions) {
    this.#options = options;
    this.#listener = Deno.listen({
      hostname: "127.0.0.1",
      port: options.listenPort,
    });
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Closes every connection. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#disposed ??= this.#dispose();
  }

  async #dispose(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) closeQuietly(connection);
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const passages: Promise<void>[] = [];
    // Iterating ends when the listener is closed.
    for await (const client of this.#listener) {
      passages.push(this.#pass(client));
    }
    await Promise.all(passages);
  }

  async #pass(client: Deno.TcpConn): Promise<void> {
    this.#connections.add(client);
    let target: Deno.TcpConn | undefined;
    try {
      target = await Deno.connect({
        hostname: "127.0.0.1",
        port: this.#options.targetPort,
      });
      this.#connections.add(target);
      // Else small requests wait for the acknowledgement of earlier ones.
      for (const connection of [client, target]) connection.setNoDelay();
      const both = [client, target];
      await Promise.all([
        this.#carry(client, target, both),
        this.#carry(target, client, both),
      ]);
    } catch (error) {
      if (!isEndOfConnection(error)) throw error;
    } finally {
      for (const connection of [client, target]) {
        if (connection === undefined) continue;
        this.#connections.delete(connection);
        closeQuietly(connection);
      }
    }
  }

  /** One direction; its end is the end of the other one too. */
  async #carry(
    from: Deno.Conn,
    to: Deno.Conn,
    both: readonly Deno.Conn[],
  ): Promise<void> {
    const line = new DelayLine(LINE_BYTES);
    const ends = await Promise.allSettled([
      fill(line, from, this.#options.delayMs).finally(() => line.end()),
      drain(line, to).finally(() => {
        line.end();
        both.forEach(closeQuietly);
      }),
    ]);
    for (const end of ends) {
      if (end.status === "rejected") throw end.reason;
    }
  }
}

async function fill(line: DelayLine, from: Deno.Conn, delayMs: number) {
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (;;) {
    const count = await from.read(buffer);
    if (count === null) return;
    await line.push(buffer.subarray(0, count), delayMs);
  }
}

async function drain(line: DelayLine, to: Deno.Conn) {
  for await (const bytes of line) {
    for (let at = 0; at < bytes.length;) {
      at += await to.write(bytes.subarray(at));
    }
  }
}

/** Does nothing with one that is closed. */
function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Whatever either side does to its connection. */
function isEndOfConnection(error: unknown): boolean {
  return [
    Deno.errors.BadResource,
    Deno.errors.BrokenPipe,
    Deno.errors.ConnectionAborted,
    Deno.errors.ConnectionRefused,
    Deno.errors.ConnectionReset,
    Deno.errors.Interrupted,
    Deno.errors.NotConnected,
    Deno.errors.UnexpectedEof,
  ].some((each) => error instanceof each);
}

if (import.meta.main) {
  const [listenPort, targetPort, delayMs] = Deno.args.map(Number);
  new Distance({
    listenPort: listenPort!,
    targetPort: targetPort!,
    delayMs: delayMs!,
  });
}
