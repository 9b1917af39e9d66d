/** A broker that starts again, and knows neither brokers nor topics yet. */
import assert from "node:assert/strict";
import { Admin, KafkaError } from "../../src/kafka/mod.ts";
import { library } from "../support/embedded.ts";
import { eventually, within } from "../support/wait.ts";

const API_VERSIONS = 18;
const METADATA = 3;
const METADATA_VERSION = 2;
const UNSUPPORTED_VERSION = 35;

Deno.test("a cluster of which no broker is known is asked again, until one is", async () => {
  await using broker = new StartingBroker();
  const properties = {
    "bootstrap.servers": `127.0.0.1:${broker.port}`,
    "log_level": 0,
  };
  await using admin = new Admin(library, properties);
  const described = {
    brokers: [{ id: 7, host: "127.0.0.1", port: broker.port }],
    controller: 7,
    clusterId: "c",
  };
  const options = { timeoutMs: 30_000 };
  assert.deepEqual(await admin.describeCluster(options), described);

  broker.knowsItself = false;
  await assert.rejects(
    within(admin.describeCluster({ timeoutMs: 500 }), 20_000, "answered"),
    KafkaError,
  );
  const { answers } = broker;
  const description = admin.describeCluster(options);
  await eventually(() => broker.answers > answers + 1, { what: "asked again" });
  broker.knowsItself = true;
  assert.deepEqual(await description, described);
});

/** Speaks as much of Kafka's protocol as that takes. */
class StartingBroker implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #serving = this.#accept();
  /** To requests for metadata. */
  answers = 0;
  knowsItself = true;

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const each of this.#connections) each.close();
    await this.#serving;
  }

  async #accept(): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      served.push(this.#serve(connection));
    }
    await Promise.all(served);
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    try {
      for (;;) {
        const size = (await take(connection, 4)).getInt32(0);
        const request = await take(connection, size);
        const body = this.#answer(request.getInt16(0), request.getInt16(2));
        const answer = bytes(
          int32(4 + body.length),
          int32(request.getInt32(4)),
          body,
        );
        await writeAll(connection, answer);
      }
    } catch (error) {
      const isEnd = error instanceof Deno.errors.UnexpectedEof ||
        error instanceof Deno.errors.ConnectionReset ||
        error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.BadResource ||
        error instanceof Deno.errors.Interrupted;
      if (!isEnd) throw error;
    }
  }

  #answer(key: number, version: number): Uint8Array {
    if (key === API_VERSIONS) {
      return bytes(
        int16(version === 0 ? 0 : UNSUPPORTED_VERSION),
        int32(2),
        int16(API_VERSIONS, 0, 0),
        int16(METADATA, 0, METADATA_VERSION),
      );
    }
    assert.deepEqual([key, version], [METADATA, METADATA_VERSION]);
    this.answers++;
    const cluster = text("c");
    return this.knowsItself
      ? bytes(
        int32(1),
        int32(7),
        text("127.0.0.1"),
        int32(this.port),
        int16(-1), // no rack
        cluster,
        int32(7),
        int32(0),
      )
      : bytes(int32(0), cluster, int32(-1), int32(0));
  }
}

async function take(connection: Deno.Conn, size: number): Promise<DataView> {
  const buffer = new Uint8Array(size);
  for (let done = 0; done < size;) {
    const count = await connection.read(buffer.subarray(done));
    if (count === null) throw new Deno.errors.UnexpectedEof();
    done += count;
  }
  return new DataView(buffer.buffer);
}

async function writeAll(connection: Deno.Conn, data: Uint8Array) {
  for (let done = 0; done < data.length;) {
    done += await connection.write(data.subarray(done));
  }
}

function int16(...values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * values.length));
  values.forEach((value, at) => view.setInt16(2 * at, value));
  return new Uint8Array(view.buffer);
}

function int32(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setInt32(0, value);
  return new Uint8Array(view.buffer);
}

const text = (value: string) =>
  bytes(int16(value.length), new TextEncoder().encode(value));

const bytes = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(parts.flatMap((part) => [...part]));
