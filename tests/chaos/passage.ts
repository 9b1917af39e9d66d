/** One client's connection through a proxy, and the one to the broker. */
import { DelayLine } from "./delay_line.ts";
import { FrameScanner } from "./frames.ts";

export interface PassageRules {
  /** On loopback. */
  readonly targetPort: number;
  /** Nothing is forwarded before it resolves. */
  readonly gate: () => Promise<void> | undefined;
  /** Of answers that arrive now. */
  readonly delayMs: () => number;
  /** What becomes of an answer to such a request; asked once for each. */
  readonly fate: (apiKey: number) => "pass" | "keep" | "cut";
}

const chunkBytes = 1 << 16;
const requestHeadBytes = 8;
const answerHeadBytes = 4;
/** Of requests that wait for an answer; some never get one. */
const mostRequests = 10_000;

export class Passage {
  readonly #client: Deno.Conn;
  readonly #rules: PassageRules;
  readonly #closed = Promise.withResolvers<void>();
  /** Api keys by correlation id, of requests without an answer so far. */
  readonly #requests = new Map<number, number>();
  #broker: Deno.Conn | undefined;
  #isCut = false;

  constructor(client: Deno.Conn, rules: PassageRules) {
    this.#client = client;
    this.#rules = rules;
  }

  /** Resolves when both connections are closed, however that came. */
  async run(): Promise<void> {
    try {
      await this.#open();
      if (this.#isCut) return;
      this.#broker = await Deno.connect({
        hostname: "127.0.0.1",
        port: this.#rules.targetPort,
      });
      if (!this.#isCut) await this.#forward(this.#broker);
    } catch (error) {
      if (!isEndOfConnection(error)) throw error;
    } finally {
      this.cut();
      close(this.#broker);
    }
  }

  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#closed.resolve();
    close(this.#client);
    close(this.#broker);
  }

  async #forward(broker: Deno.Conn): Promise<void> {
    const line = new DelayLine();
    const ending = [
      this.#requestsTo(broker).finally(() => this.cut()),
      this.#answersOf(broker, line).finally(() => line.end()),
      this.#deliver(line).finally(() => {
        // Whoever waits for room in it waits no more.
        line.end();
        this.cut();
      }),
    ];
    for (const each of await Promise.allSettled(ending)) {
      if (each.status === "rejected") throw each.reason;
    }
  }

  async #requestsTo(broker: Deno.Conn): Promise<void> {
    const scanner = new FrameScanner(requestHeadBytes);
    for await (const chunk of this.#chunks(this.#client)) {
      for (const { bytes, head } of scanner.push(chunk)) {
        if (head !== undefined && head.byteLength >= requestHeadBytes) {
          this.#note(head.getInt32(4), head.getInt16(0));
        }
        await writeAll(broker, bytes);
      }
    }
  }

  async #answersOf(broker: Deno.Conn, line: DelayLine): Promise<void> {
    const scanner = new FrameScanner(answerHeadBytes);
    let fate: ReturnType<PassageRules["fate"]> = "pass";
    for await (const chunk of this.#chunks(broker)) {
      for (const { bytes, head } of scanner.push(chunk)) {
        if (head !== undefined) fate = this.#fateOf(head);
        // Answers before this one must not be lost as well.
        if (fate === "cut") return;
        if (fate === "pass") await line.push(bytes, this.#rules.delayMs());
      }
    }
  }

  async #deliver(line: DelayLine): Promise<void> {
    for await (const bytes of line) {
      await this.#open();
      if (this.#isCut) return;
      await writeAll(this.#client, bytes);
    }
  }

  async *#chunks(from: Deno.Conn): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(chunkBytes);
    for (;;) {
      const count = await from.read(buffer);
      await this.#open();
      if (count === null || this.#isCut) return;
      yield buffer.subarray(0, count);
    }
  }

  /** Resolves when the gate is open, or the passage is closed. */
  async #open(): Promise<void> {
    for (let gate = this.#rules.gate(); gate && !this.#isCut;) {
      await Promise.race([gate, this.#closed.promise]);
      gate = this.#rules.gate();
    }
  }

  #note(correlation: number, apiKey: number): void {
    this.#requests.set(correlation, apiKey);
    if (this.#requests.size <= mostRequests) return;
    const [oldest] = this.#requests.keys();
    this.#requests.delete(oldest!);
  }

  #fateOf(head: DataView): "pass" | "keep" | "cut" {
    const correlation = head.byteLength < answerHeadBytes
      ? undefined
      : head.getInt32(0);
    const apiKey = correlation === undefined
      ? undefined
      : this.#requests.get(correlation);
    if (correlation === undefined || apiKey === undefined) return "pass";
    this.#requests.delete(correlation);
    return this.#rules.fate(apiKey);
  }
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await to.write(bytes.subarray(at));
  }
}

/** Does nothing with one that is closed. */
function close(connection: Deno.Conn | undefined): void {
  try {
    connection?.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Whatever the other side, or `cut`, does to a connection. */
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
