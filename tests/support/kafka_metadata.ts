/**
 * What one particular broker believes about its cluster, by a Metadata request
 * (version 1) on a connection of its own. Client libraries ask any broker they
 * like, so they cannot tell whether all brokers agree yet.
 */

export interface PartitionView {
  /** -1: no leader. */
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
}

export interface ClusterView {
  /** Ids of the brokers that the cluster counts as alive. */
  readonly brokers: readonly number[];
  /** By topic and partition number. */
  readonly topics: ReadonlyMap<string, readonly PartitionView[]>;
}

const metadataKey = 3;
const metadataVersion = 1;

/**
 * @param port on loopback.
 * @throws when nobody listens there or no answer comes within `timeoutMs`.
 */
export async function readMetadata(
  port: number,
  timeoutMs = 2_000,
): Promise<ClusterView> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  // Closing is the only way to end a read on a broker that is paused.
  const timer = setTimeout(() => connection.close(), timeoutMs);
  try {
    await writeAll(connection, request());
    const size = new DataView((await readExactly(connection, 4)).buffer);
    const response = await readExactly(connection, size.getInt32(0));
    return parse(new Reader(response));
  } finally {
    clearTimeout(timer);
  }
}

function request(): Uint8Array {
  const bytes = new Uint8Array(18);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, bytes.length - 4);
  view.setInt16(4, metadataKey);
  view.setInt16(6, metadataVersion);
  view.setInt32(8, 0); // correlation id
  view.setInt16(12, -1); // no client id
  view.setInt32(14, -1); // all topics
  return bytes;
}

function parse(reader: Reader): ClusterView {
  reader.int32(); // correlation id
  const brokers = reader.array(() => {
    const id = reader.int32();
    reader.string(); // host
    reader.int32(); // port
    reader.string(); // rack
    return id;
  });
  reader.int32(); // controller: any broker under KRaft
  const topics = new Map(reader.array(() => {
    reader.int16(); // error
    const name = reader.string();
    reader.int8(); // internal
    const partitions: PartitionView[] = [];
    reader.array(() => {
      reader.int16(); // error
      partitions[reader.int32()] = {
        leader: reader.int32(),
        replicas: reader.array(() => reader.int32()),
        inSync: reader.array(() => reader.int32()),
      };
    });
    return [name, partitions] as const;
  }));
  return { brokers: brokers.sort((a, b) => a - b), topics };
}

class Reader {
  #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer);
  }

  int8(): number {
    return this.#view.getInt8(this.#advance(1));
  }
  int16(): number {
    return this.#view.getInt16(this.#advance(2));
  }
  int32(): number {
    return this.#view.getInt32(this.#advance(4));
  }
  /** Null is read as "". */
  string(): string {
    const length = Math.max(0, this.int16());
    const at = this.#advance(length);
    return new TextDecoder().decode(
      new Uint8Array(this.#view.buffer, at, length),
    );
  }
  array<T>(readItem: () => T): T[] {
    return Array.from({ length: this.int32() }, readItem);
  }

  #advance(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    return at;
  }
}

async function readExactly(
  connection: Deno.Conn,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(bytes.subarray(at));
    if (count === null) throw new Error("the broker closed the connection");
    at += count;
  }
  return bytes;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array) {
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(bytes.subarray(at));
  }
}
