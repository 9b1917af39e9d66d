/** Servers and clients of plain TCP on both sides of a gateway. */
import { Gateway, type GatewayOptions } from "../../dr/gateway/mod.ts";
import { parseAddress } from "../../dr/gateway/address.ts";
import { fillBacklog } from "../support/full_backlog.ts";
import { eventually, within } from "../support/wait.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";

/** A deadline for what takes a moment. */
const PATIENCE_MS = 20_000;

type Serve = (connection: Deno.TcpConn) => Promise<void>;

/** Serves each connection by `serve`, and closes it when that has ended. */
export class TcpServer implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #serving: Promise<void>;
  readonly #tasks = new Set<Promise<void>>();
  accepted = 0;

  /** @param address default any that is free. */
  constructor(serve: Serve = echo, address = "127.0.0.1:0") {
    this.#listener = Deno.listen(parseAddress(address, 0));
    this.#serving = this.#run(serve);
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Now. */
  get open(): number {
    return this.#connections.size;
  }

  /** Breaks off all connections; new ones are served. */
  cut(): void {
    for (const connection of this.#connections) closeQuietly(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#serving;
    await Promise.all(this.#tasks);
  }

  async #run(serve: Serve): Promise<void> {
    for await (const connection of this.#listener) {
      this.accepted++;
      this.#connections.add(connection);
      const task = this.#one(connection, serve).finally(() =>
        this.#tasks.delete(task)
      );
      this.#tasks.add(task);
    }
  }

  async #one(connection: Deno.TcpConn, serve: Serve): Promise<void> {
    try {
      await serve(connection);
    } catch {
      // The gateway, or `cut`, closed it.
    } finally {
      this.#connections.delete(connection);
      closeQuietly(connection);
    }
  }
}

/** Sends back what it gets, and ends when the other side has ended. */
export async function echo(connection: Deno.TcpConn): Promise<void> {
  for await (const chunk of chunksOf(connection)) {
    await writeAll(connection, chunk);
  }
  await connection.closeWrite();
}

/** Says its name, then echoes. */
export const named = (name: string): Serve => async (connection) => {
  await writeAll(connection, new TextEncoder().encode(`${name}\n`));
  await echo(connection);
};

export async function* chunksOf(
  connection: Deno.TcpConn,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}

export async function writeAll(
  connection: Deno.TcpConn,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(bytes.subarray(at));
  }
}

/** Everything up to the end of the other side's sending. */
export async function readAll(connection: Deno.TcpConn): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunksOf(connection)) parts.push(chunk.slice());
  return await new Blob(parts as Uint8Array<ArrayBuffer>[]).bytes();
}

/** The text up to the end of the line, read byte by byte. */
export async function readLine(connection: Deno.TcpConn): Promise<string> {
  return await within(lineOf(connection), PATIENCE_MS, "told a line");
}

async function lineOf(connection: Deno.TcpConn): Promise<string> {
  const byte = new Uint8Array(1);
  for (let line = "";;) {
    if (await connection.read(byte) === null) throw new Error("no line");
    const letter = String.fromCharCode(byte[0]!);
    if (letter === "\n") return line;
    line += letter;
  }
}

/** Resolves when the other side has closed the connection, however. */
export async function closedByPeer(connection: Deno.TcpConn): Promise<void> {
  try {
    await within(readAll(connection), PATIENCE_MS, "closed by the gateway");
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
}

export function closeQuietly(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** A gateway with one address, and clients of it that are closed in the end. */
export class Fixture implements AsyncDisposable {
  static async open(
    brokers: {
      readonly primary: readonly (TcpServer | string)[];
      readonly secondary?: readonly (TcpServer | string)[];
    },
    options: Partial<GatewayOptions> = {},
  ): Promise<Fixture> {
    const lines: LogLine[] = [];
    const gateway = await Gateway.open({
      active: "primary",
      addresses: [{
        listen: "127.0.0.1:0",
        primary: brokers.primary.map(addressOf),
        secondary: (brokers.secondary ?? ["127.0.0.1:1"]).map(addressOf),
      }],
      log: createLog({
        level: "debug",
        write: (line) => void lines.push(line),
      }),
      ...options,
    });
    return new Fixture(gateway, lines);
  }

  readonly #clients = new Set<Deno.TcpConn>();

  private constructor(
    readonly gateway: Gateway,
    /** The gateway's log. */
    readonly lines: readonly LogLine[],
  ) {}

  /** Of the first address. */
  get status() {
    return this.gateway.status().addresses[0]!;
  }

  async connect(): Promise<Deno.TcpConn> {
    const [hostname, port] = this.status.listen.split(":");
    const client = await Deno.connect({
      hostname: hostname!,
      port: Number(port),
    });
    this.#clients.add(client);
    return client;
  }

  /** Resolves when every connection that was accepted is over. */
  async quiet(): Promise<void> {
    await eventually(
      () => this.status.open + this.status.connecting === 0,
      { what: "over: every connection", everyMs: 5 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) closeQuietly(client);
    await this.gateway[Symbol.asyncDispose]();
  }
}

const addressOf = (broker: TcpServer | string) =>
  typeof broker === "string" ? broker : broker.address;

/**
 * A listener whose queue is full: whoever connects to it hangs, as with a host
 * that is gone.
 */
export class FullListener implements Disposable {
  static async open(): Promise<FullListener> {
    const listener = Deno.listen({
      hostname: "127.0.0.1",
      port: 0,
      tcpBacklog: 1,
    });
    return new FullListener(
      listener,
      await fillBacklog(listener.addr.port),
    );
  }

  private constructor(
    readonly listener: Deno.TcpListener,
    readonly filling: Disposable,
  ) {}

  get address(): string {
    return `127.0.0.1:${this.listener.addr.port}`;
  }

  [Symbol.dispose](): void {
    this.filling[Symbol.dispose]();
    this.listener.close();
  }
}

/** Bytes that tell where in which stream they are. */
export function streamBytes(
  stream: number,
  from: number,
  count: number,
): Uint8Array {
  return Uint8Array.from(
    { length: count },
    (_, index) => (Math.imul(from + index + 1, 2_654_435_761 + stream) >>> 13),
  );
}
