/** A server with Kafka's framing, and a client for it. */
import { FrameScanner } from "../chaos/frames.ts";

export interface ToyAnswer {
  readonly correlation: number;
  readonly payloadBytes: number;
}

/** Answers each request at once with its own correlation id and payload. */
export class ToyBroker implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;
  /** Of all requests that arrived. */
  readonly correlations: number[] = [];
  #disposed: Promise<void> | undefined;

  constructor() {
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#disposed ??= this.#dispose();
  }

  async #dispose(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) closeQuietly(connection);
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const all: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      all.push(this.#answer(connection));
    }
    await Promise.all(all);
  }

  async #answer(connection: Deno.Conn): Promise<void> {
    try {
      for await (const frame of framesOf(connection)) {
        const correlation = viewOf(frame).getInt32(4);
        this.correlations.push(correlation);
        // Without api key and version: what an answer begins with.
        await send(connection, frame.subarray(4));
      }
    } catch {
      // The test, or the proxy, closed it.
    } finally {
      this.#connections.delete(connection);
      closeQuietly(connection);
    }
  }
}

export class ToyClient implements Disposable {
  static async connect(port: number): Promise<ToyClient> {
    return new ToyClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  readonly #connection: Deno.Conn;
  readonly #answers: AsyncGenerator<Uint8Array>;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
    this.#answers = framesOf(connection);
  }

  /** `splitAt`: sends that many bytes first, and the rest a little later. */
  async request(
    apiKey: number,
    correlation: number,
    { payloadBytes = 0, splitAt = 0 } = {},
  ): Promise<void> {
    const body = new Uint8Array(8 + payloadBytes);
    const view = viewOf(body);
    view.setInt16(0, apiKey);
    view.setInt32(4, correlation);
    await send(this.#connection, body, splitAt);
  }

  /** Null when the connection has ended. */
  async answer(): Promise<ToyAnswer | null> {
    try {
      const { value, done } = await this.#answers.next();
      if (done) return null;
      return {
        correlation: viewOf(value).getInt32(0),
        payloadBytes: value.length - 4,
      };
    } catch {
      return null;
    }
  }

  [Symbol.dispose](): void {
    closeQuietly(this.#connection);
  }
}

/** Whole frames, without their lengths. */
async function* framesOf(connection: Deno.Conn): AsyncGenerator<Uint8Array> {
  let bytes = new Uint8Array(0);
  const buffer = new Uint8Array(1 << 16);
  for (;;) {
    const length = bytes.length < 4 ? Infinity : viewOf(bytes).getInt32(0);
    if (bytes.length >= 4 + length) {
      yield bytes.slice(4, 4 + length);
      bytes = bytes.slice(4 + length);
      continue;
    }
    const count = await connection.read(buffer);
    if (count === null) return;
    const more = new Uint8Array(bytes.length + count);
    more.set(bytes);
    more.set(buffer.subarray(0, count), bytes.length);
    bytes = more;
  }
}

async function send(to: Deno.Conn, body: Uint8Array, splitAt = 0) {
  const frame = new Uint8Array(4 + body.length);
  viewOf(frame).setInt32(0, body.length);
  frame.set(body, 4);
  for (const part of [frame.subarray(0, splitAt), frame.subarray(splitAt)]) {
    for (let at = 0; at < part.length;) at += await to.write(part.subarray(at));
    if (splitAt > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** All pieces of a stream of frames, put together again. */
export function scanned(
  stream: Uint8Array,
  cuts: readonly number[],
  headBytes: number,
): { readonly heads: number[][]; readonly bytes: number[] } {
  const scanner = new FrameScanner(headBytes);
  const heads: number[][] = [];
  const bytes: number[] = [];
  let from = 0;
  for (const to of [...cuts, stream.length]) {
    for (const piece of scanner.push(stream.subarray(from, to))) {
      bytes.push(...piece.bytes);
      const { head } = piece;
      if (head === undefined) continue;
      heads.push(
        Array.from({ length: head.byteLength }, (_, at) => head.getUint8(at)),
      );
    }
    from = to;
  }
  return { heads, bytes };
}

const viewOf = (bytes: Uint8Array) =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
