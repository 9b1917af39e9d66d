/**
 * What MirrorMaker 2 would resume from: the last record of each key of Connect's
 * topic of source positions, `mm2-offsets.<source>.internal`.
 *
 *     key    ["MirrorSourceConnector",{"cluster":"primary","partition":0,"topic":"t"}]
 *     value  {"offset":41}           of the last record; 42 is the next to be read
 */
export class ConnectPositions {
  readonly #alias: string;
  readonly #next = new Map<string, number>();

  /** @param alias of the source. */
  constructor(alias: string) {
    this.#alias = alias;
  }

  /** @throws {SyntaxError | RangeError} for what is no such record. */
  observe(key: Uint8Array | null, value: Uint8Array | null): void {
    const from = fromIn(jsonOf(key));
    if (from?.cluster !== this.#alias) return;
    const name = `${from.partition} ${from.topic}`;
    if (value === null) {
      this.#next.delete(name);
      return;
    }
    this.#next.set(name, offsetOf(jsonOf(value)) + 1);
  }

  /** The next to be read; undefined where nothing is known. */
  of(topic: string, partition: number): number | undefined {
    return this.#next.get(`${partition} ${topic}`);
  }
}

interface From {
  readonly cluster: unknown;
  readonly partition: number;
  readonly topic: string;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function jsonOf(bytes: Uint8Array | null): unknown {
  if (bytes === null) throw new RangeError("no key");
  return JSON.parse(decoder.decode(bytes));
}

/** Null for what another connector keeps there, whose fields are its own. */
function fromIn(json: unknown): From | null {
  if (Array.isArray(json) && json.length === 2 && isRecord(json[1])) {
    if (json[0] !== "MirrorSourceConnector") return null;
    const { cluster, partition, topic } = json[1];
    if (Number.isSafeInteger(partition) && typeof topic === "string") {
      return { cluster, partition: partition as number, topic };
    }
  }
  throw new RangeError(`no key of a source position: ${JSON.stringify(json)}`);
}

function offsetOf(json: unknown): number {
  if (isRecord(json) && Number.isSafeInteger(json.offset)) {
    return json.offset as number;
  }
  throw new RangeError(`no source position: ${JSON.stringify(json)}`);
}

const isRecord = (json: unknown): json is Record<string, unknown> =>
  typeof json === "object" && json !== null;
