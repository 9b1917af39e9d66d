/** Many clients at once, and whatever may happen to them. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { AddressStatus } from "../../dr/gateway/mod.ts";
import { other } from "../../dr/state/types.ts";
import {
  chunksOf,
  closeQuietly,
  echo,
  Fixture,
  streamBytes,
  TcpServer,
  writeAll,
} from "./support_gateway.ts";

/** What becomes of the accepted ones, added up. */
const sumOf = ({ refused, closed, connecting, open }: AddressStatus) =>
  [...Object.values(refused), ...Object.values(closed), connecting, open]
    .reduce((sum, each) => sum + each, 0);

Deno.test("thousands of short connections leave nothing open, and all are accounted for", async () => {
  const rounds = 40;
  const atOnce = 50;
  await using server = new TcpServer();
  await using fixture = await Fixture.open({ primary: [server] });
  const one = async (number: number) => {
    const client = await fixture.connect();
    const bytes = streamBytes(number, 0, 1 + number % 300);
    await writeAll(client, bytes);
    if (number % 3 === 0) client.close();
    else {
      await client.closeWrite();
      let received = 0;
      for await (const chunk of chunksOf(client)) received += chunk.length;
      assert.equal(received, bytes.length);
      client.close();
    }
  };
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      Array.from({ length: atOnce }, (_, at) => one(round * atOnce + at)),
    );
  }
  await fixture.quiet();
  const { status } = fixture;
  assert.equal(status.accepted, rounds * atOnce);
  assert.equal(sumOf(status), status.accepted);
});

type Event =
  | { readonly kind: "open" }
  | { readonly kind: "send"; readonly client: number; readonly bytes: number }
  | { readonly kind: "end" | "close"; readonly client: number }
  | { readonly kind: "switch" | "unknown" | "known" }
  | { readonly kind: "cut" };

const client = fc.nat(9);
const events = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("open" as const) }) },
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant("send" as const),
        client,
        bytes: fc.oneof(fc.nat(50), fc.nat(200_000)),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom("end" as const, "close" as const),
        client,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          "switch" as const,
          "unknown" as const,
          "known" as const,
          "cut" as const,
        ),
      }),
    },
  ),
  { minLength: 10, maxLength: 60 },
);

/** A client whose bytes tell their place, and which checks those that return. */
class Stream {
  sent = 0;
  received = 0;
  /** Nobody has cut it: it must get back all that it has sent. */
  isWhole = true;
  #hasEnded = false;
  #writing: Promise<void> = Promise.resolve();
  readonly #reading: Promise<void>;

  constructor(readonly number: number, readonly connection: Deno.TcpConn) {
    this.#reading = this.#read();
  }

  send(bytes: number): void {
    if (this.#hasEnded) return;
    const chunk = streamBytes(this.number, this.sent, bytes);
    this.sent += bytes;
    this.#write(() => writeAll(this.connection, chunk));
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#write(() => this.connection.closeWrite());
  }

  close(): void {
    this.#hasEnded = true;
    this.isWhole = false;
    closeQuietly(this.connection);
  }

  async done(): Promise<void> {
    this.end();
    await this.#writing;
    await this.#reading;
    closeQuietly(this.connection);
  }

  #write(write: () => Promise<void>): void {
    this.#writing = this.#writing.then(write).catch(() => {
      // Somebody has closed it; `isWhole` tells whether that may be.
      closeQuietly(this.connection);
    });
  }

  async #read(): Promise<void> {
    try {
      for await (const chunk of chunksOf(this.connection)) {
        const at = this.received;
        this.received += chunk.length;
        assert.deepEqual(chunk, streamBytes(this.number, at, chunk.length));
      }
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      closeQuietly(this.connection);
    }
  }
}

Deno.test("whatever happens, what arrives is what was sent, in order, and whole where nobody cut it", async () => {
  await fc.assert(
    fc.asyncProperty(events, async (events) => {
      await using primary = new TcpServer(echo);
      await using secondary = new TcpServer(echo);
      await using fixture = await Fixture.open({
        primary: [primary],
        secondary: [secondary],
      }, { limits: { bufferBytes: 1_000, waitMs: 600_000 } });
      let active: "primary" | "secondary" = "primary";
      const streams: Stream[] = [];
      const cutAll = () => streams.forEach((each) => each.isWhole = false);
      for (const event of events as Event[]) {
        switch (event.kind) {
          case "open": {
            const connection = await fixture.connect();
            streams.push(new Stream(streams.length, connection));
            break;
          }
          case "send":
            streams[event.client]?.send(event.bytes);
            break;
          case "end":
            streams[event.client]?.end();
            break;
          case "close":
            streams[event.client]?.close();
            break;
          case "switch":
            active = other(active);
            cutAll();
            fixture.gateway.setActive(active);
            break;
          case "unknown":
            // Those that come now wait, and nobody is cut.
            fixture.gateway.setActive(null);
            break;
          case "known":
            fixture.gateway.setActive(active);
            break;
          case "cut":
            cutAll();
            primary.cut();
            secondary.cut();
            break;
        }
      }
      fixture.gateway.setActive(active);
      await Promise.all(streams.map((each) => each.done()));
      for (const { isWhole, number, received, sent } of streams) {
        assert.ok(received <= sent, `stream ${number}: more than was sent`);
        if (isWhole) assert.equal(received, sent, `stream ${number}`);
      }
      await fixture.quiet();
      const { status } = fixture;
      assert.equal(sumOf(status), status.accepted);
      const all = (of: (stream: Stream) => number) =>
        streams.reduce((sum, each) => sum + of(each), 0);
      assert.ok(status.bytesToBrokers <= all(({ sent }) => sent));
      assert.ok(status.bytesToClients >= all(({ received }) => received));
    }),
    { numRuns: 100 },
  );
});
