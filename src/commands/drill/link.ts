/**
 * The network between one party of a drill and one cluster: whoever begins at
 * `servers` comes to all brokers by it, and it can be cut.
 *
 *     role ── a port of ours for each broker ── link ── broker
 *
 * It reads the protocol, so it cannot be used where the brokers want TLS.
 */
import { pause } from "../../../dr/waits.ts";
import {
  type Address,
  correlationOf,
  Frames,
  headOf,
  type Request,
  rewritten,
} from "./link_wire.ts";

export type LinkMode =
  | { readonly kind: "pass"; readonly delayMs: number }
  /** Connections stay open, and no byte goes either way. */
  | { readonly kind: "hold" }
  /** Connections break, and none can be made. */
  | { readonly kind: "refuse" };

const HOST = "127.0.0.1";
const CHUNK_BYTES = 1 << 16;
const DEFAULT_PORT = 9092;

export class Link implements AsyncDisposable {
  /** What stands for the cluster's `bootstrap.servers`. */
  readonly servers: string;
  readonly #ports = new Map<string, number>();
  readonly #listeners: Deno.TcpListener[] = [];
  readonly #passages = new Set<Passage>();
  readonly #work = new Set<Promise<void>>();
  readonly #closed = new AbortController();
  #mode: LinkMode = { kind: "pass", delayMs: 0 };
  #opened = Promise.withResolvers<void>();

  constructor(brokers: string) {
    this.#opened.resolve();
    this.servers = brokers.split(",").map((each) => {
      const { host, port } = this.#through(addressOf(each));
      return `${host}:${port}`;
    }).join(",");
  }

  get mode(): LinkMode {
    return this.#mode;
  }

  /** Counts for open connections, too. */
  set mode(mode: LinkMode) {
    const wasHeld = this.#mode.kind === "hold";
    this.#mode = mode;
    if (mode.kind === "hold" && !wasHeld) {
      this.#opened = Promise.withResolvers();
    }
    if (mode.kind !== "hold") this.#opened.resolve();
    if (mode.kind === "refuse") this.#breakAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    this.#opened.resolve();
    this.#listeners.forEach((each) => each.close());
    this.#breakAll();
    await Promise.all(this.#work);
  }

  #breakAll(): void {
    this.#passages.forEach((each) => each.close());
  }

  readonly #through = (broker: Address): Address => {
    const name = `${broker.host}:${broker.port}`;
    const known = this.#ports.get(name);
    if (known !== undefined) return { host: HOST, port: known };
    const listener = Deno.listen({ hostname: HOST, port: 0 });
    const { port } = listener.addr;
    this.#ports.set(name, port);
    this.#listeners.push(listener);
    this.#track(this.#serve(listener, broker));
    return { host: HOST, port };
  };

  async #serve(listener: Deno.TcpListener, broker: Address): Promise<void> {
    // Iterating ends when the listener is closed.
    for await (const client of listener) {
      if (this.#closed.signal.aborted || this.#mode.kind === "refuse") {
        client.close();
        continue;
      }
      const passage = new Passage(client, {
        broker,
        through: this.#through,
        opened: () => this.#opened.promise,
        delayMs: () => this.#mode.kind === "pass" ? this.#mode.delayMs : 0,
        signal: this.#closed.signal,
      });
      this.#passages.add(passage);
      this.#track(
        passage.run().finally(() => this.#passages.delete(passage)),
      );
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }
}

interface PassageOptions {
  readonly broker: Address;
  readonly through: (broker: Address) => Address;
  /** Resolves when bytes may pass. */
  readonly opened: () => Promise<void>;
  readonly delayMs: () => number;
  readonly signal: AbortSignal;
}

/** One connection of a client, and the one to the broker. */
class Passage {
  readonly #client: Deno.Conn;
  readonly #options: PassageOptions;
  readonly #requests = new Map<number, Request>();
  #broker: Deno.Conn | null = null;
  #isClosed = false;

  constructor(client: Deno.Conn, options: PassageOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Ends when both are closed, however that came. */
  async run(): Promise<void> {
    try {
      await this.#options.opened();
      if (this.#isClosed) return;
      const { host: hostname, port } = this.#options.broker;
      this.#broker = await Deno.connect({ hostname, port });
      if (this.#isClosed) return;
      const both = [
        this.#requestsTo(this.#broker),
        this.#answersOf(this.#broker),
      ]
        .map((each) => each.finally(() => this.close()));
      for (const each of await Promise.allSettled(both)) {
        if (each.status === "rejected") throw each.reason;
      }
    } catch (error) {
      // Whatever happens to a connection is the client's to see.
      if (!(error instanceof Error)) throw error;
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#isClosed = true;
    closed(this.#client);
    closed(this.#broker);
  }

  async #requestsTo(broker: Deno.Conn): Promise<void> {
    for await (const frame of this.#frames(this.#client)) {
      const [correlation, request] = headOf(frame);
      this.#requests.set(correlation, request);
      await written(broker, frame);
    }
  }

  async #answersOf(broker: Deno.Conn): Promise<void> {
    const { delayMs, signal, through } = this.#options;
    let writing: Promise<void> = Promise.resolve();
    for await (const frame of this.#frames(broker)) {
      const correlation = correlationOf(frame);
      const request = this.#requests.get(correlation);
      this.#requests.delete(correlation);
      const answer = request === undefined
        ? frame
        : rewritten(frame, request, through);
      const ms = delayMs();
      const due = ms === 0 ? null : pause(ms, signal);
      const before = writing;
      writing = (async () => {
        await before;
        if (due !== null) await due;
        await written(this.#client, answer);
      })();
      if (due === null) await writing;
      else writing.catch(() => this.close());
    }
    await writing;
  }

  async *#frames(from: Deno.Conn): AsyncGenerator<Uint8Array> {
    const frames = new Frames();
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      const count = await from.read(buffer);
      await this.#options.opened();
      if (count === null || this.#isClosed) return;
      yield* frames.push(buffer.subarray(0, count));
    }
  }
}

async function written(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await to.write(bytes.subarray(at));
  }
}

/** Does nothing with one that is closed. */
function closed(connection: Deno.Conn | null): void {
  try {
    connection?.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** `host`, `host:port`, `[v6]:port`, each with a protocol before it or not. */
export function addressOf(broker: string): Address {
  const name = broker.trim().replace(/^[A-Za-z_]+:\/\//, "");
  const match = /^(.*?)(?::(\d+))?$/.exec(name)!;
  return {
    host: match[1]!.replace(/^\[(.*)\]$/, "$1"),
    port: Number(match[2] ?? DEFAULT_PORT),
  };
}
