/** What every kind of administrative request shares. */
import { errorFromCode, type KafkaError } from "../errors.ts";
import { pointerArray, readCString } from "../memory.ts";
import { bufferText } from "../properties.ts";
import type { CoreSymbols } from "../symbols.ts";
import type { AdminSymbols } from "./symbols.ts";

/** How long a caller waits for the cluster's answer. */
export interface RequestOptions {
  /** 1 to 3,600,000. The cluster may still carry the request out later. */
  readonly timeoutMs: number;
  /** Ends the wait, not what the cluster has begun. */
  readonly signal?: AbortSignal | undefined;
}

/** For requests that change something. */
export interface ChangeOptions extends RequestOptions {
  /** Lets the cluster check the request without carrying it out. */
  readonly validateOnly?: boolean | undefined;
}

/** All settings that some request knows; librdkafka ignores the others. */
export interface RequestSettings extends ChangeOptions {
  readonly requireStable?: boolean | undefined;
  readonly readCommitted?: boolean | undefined;
  /** A group's coordinator answers, and none else. */
  readonly byCoordinator?: boolean | undefined;
  /** The id of the broker that is to answer. */
  readonly broker?: number | undefined;
}

/** Borrowed for the time of one native call. */
export interface NativeRequest {
  readonly client: Deno.PointerObject;
  readonly settings: Deno.PointerObject;
  readonly queue: Deno.PointerObject;
}

/** How the groups of requests in this folder reach the admin client. */
export interface AdminAccess {
  readonly core: CoreSymbols;
  readonly symbols: AdminSymbols;
  /**
   * Sends a request and reads its answer, which is gone afterwards.
   * @throws {KafkaError} when the request failed as a whole; `timedOut` when
   * nobody answered.
   */
  request<T>(
    doing: string,
    settings: RequestSettings,
    send: (request: NativeRequest) => void,
    read: (answer: Deno.PointerObject) => T,
  ): Promise<T>;
}

/** Of requests that go to the leaders of partitions. */
export interface LeaderAccess extends AdminAccess {
  /**
   * Has librdkafka ask a broker for the metadata of topics, whatever it knows.
   * @throws {KafkaError} when none answers in time; the signal's reason.
   */
  refresh(topics: readonly string[], options: RequestOptions): Promise<void>;
}

/** A request that takes an array of native objects. */
export interface ListRequest<Item, T> {
  readonly doing: string;
  readonly build: (item: Item) => Deno.PointerValue;
  readonly destroy: (built: Deno.PointerObject) => void;
  readonly send: (
    client: Deno.PointerObject,
    objects: Uint8Array<ArrayBuffer>,
    count: bigint,
    settings: Deno.PointerObject,
    queue: Deno.PointerObject,
  ) => void;
  readonly read: (answer: Deno.PointerObject) => T[];
}

/** Sends one request for all items; none for no items. */
export async function requestList<Item, T>(
  access: AdminAccess,
  items: readonly Item[],
  settings: RequestSettings,
  { doing, build, destroy, send, read }: ListRequest<Item, T>,
): Promise<T[]> {
  if (items.length === 0) return [];
  return await access.request(doing, settings, (native) => {
    const built: Deno.PointerObject[] = [];
    try {
      for (const item of items) {
        const object = build(item);
        if (object === null) throw new TypeError(`${doing}: invalid item`);
        built.push(object);
      }
      const { client, settings, queue } = native;
      const count = BigInt(built.length);
      send(client, pointerArray(built), count, settings, queue);
    } finally {
      for (const object of built) destroy(object);
    }
  }, read);
}

const ERROR_BYTES = 512;

/**
 * Calls a function that refuses an argument by NULL and a text.
 * @throws {TypeError} with that text.
 */
export function built(
  doing: string,
  make: (text: Uint8Array<ArrayBuffer>, size: bigint) => Deno.PointerValue,
): Deno.PointerObject {
  const text = new Uint8Array(ERROR_BYTES);
  const object = make(text, BigInt(ERROR_BYTES));
  if (object === null) throw new TypeError(`${doing}: ${bufferText(text)}`);
  return object;
}

/** Makes a `rd_kafka_AdminOptions_t`; the caller destroys it. */
export function newSettings(
  { core, symbols }: Pick<AdminAccess, "core" | "symbols">,
  client: Deno.PointerObject,
  settings: RequestSettings,
): Deno.PointerObject {
  const options = symbols.rd_kafka_AdminOptions_new(client, 0);
  if (options === null) throw new Error("out of memory");
  const text = new Uint8Array(ERROR_BYTES);
  const size = BigInt(ERROR_BYTES);
  const { broker, timeoutMs, validateOnly, requireStable, readCommitted } =
    settings;
  const refused = symbols.rd_kafka_AdminOptions_set_request_timeout(
    options,
    timeoutMs,
    text,
    size,
  );
  if (refused !== 0) {
    symbols.rd_kafka_AdminOptions_destroy(options);
    throw new RangeError(`timeoutMs ${timeoutMs}: ${bufferText(text)}`);
  }
  symbols.rd_kafka_AdminOptions_set_operation_timeout(
    options,
    timeoutMs,
    text,
    size,
  );
  if (validateOnly) {
    symbols.rd_kafka_AdminOptions_set_validate_only(options, 1, text, size);
  }
  if (broker !== undefined) {
    symbols.rd_kafka_AdminOptions_set_broker(options, broker, text, size);
  }
  for (
    const error of [
      requireStable === true
        ? symbols.rd_kafka_AdminOptions_set_require_stable_offsets(options, 1)
        : null,
      readCommitted === true
        ? symbols.rd_kafka_AdminOptions_set_isolation_level(options, 1)
        : null,
    ]
  ) {
    if (error !== null) core.rd_kafka_error_destroy(error);
  }
  return options;
}

/** Reads a borrowed `rd_kafka_error_t *`; null for NULL and for success. */
export function readItemError(
  core: CoreSymbols,
  error: Deno.PointerValue,
  doing: string,
): KafkaError | null {
  if (error === null) return null;
  const code = core.rd_kafka_error_code(error);
  if (code === 0) return null;
  const text = readCString(core.rd_kafka_error_string(error));
  return errorFromCode(core, code, doing, text);
}
