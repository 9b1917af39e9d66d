/** librdkafka's configuration, typed with the package's own types. */
import type {
  ConsumerGlobalConfig,
  ConsumerTopicConfig,
  GlobalConfig,
  ProducerGlobalConfig,
  ProducerTopicConfig,
} from "@confluentinc/kafka-javascript/types/config";
import {
  type Address,
  addressIn,
  cString,
  NativeBlock,
  pointerAt,
  readCString,
} from "./memory.ts";
import type { Library } from "./library.ts";
import { nearestName, suggestion } from "../config/nearest.ts";

/** The properties of `T` that are plain values; callbacks have no place. */
type PlainProperties<T> = {
  readonly [Name in keyof T as Name extends `${string}_cb` ? never : Name]?:
    | Extract<T[Name], string | number | boolean>
    | undefined;
};

/** What every kind of client knows. */
export type ClientProperties = PlainProperties<GlobalConfig>;
export type ConsumerProperties = PlainProperties<
  ConsumerGlobalConfig & ConsumerTopicConfig
>;
export type ProducerProperties = PlainProperties<
  ProducerGlobalConfig & ProducerTopicConfig
>;
export type Properties = Readonly<
  Record<string, string | number | boolean | undefined>
>;

/** Properties that librdkafka does not know, or refuses, alone or together. */
export class PropertyError extends Error {
  override readonly name = "PropertyError";
}

const ERROR_BYTES = 512;
const UNKNOWN_PROPERTY = -2; // RD_KAFKA_CONF_UNKNOWN
const decoder = new TextDecoder();

/** Text that librdkafka wrote into a buffer, up to its NUL. */
export function bufferText(buffer: Uint8Array): string {
  return decoder.decode(buffer.subarray(0, buffer.indexOf(0)));
}

/**
 * Makes a `rd_kafka_conf_t` that the caller owns until it is given to
 * `rd_kafka_new`.
 * @throws {PropertyError} naming the property, and the nearest known name.
 */
export function newConfiguration(
  library: Library,
  properties: Properties,
): Deno.PointerObject {
  const { symbols } = library;
  const configuration = symbols.rd_kafka_conf_new();
  if (configuration === null) throw new Error("out of memory");
  try {
    for (const [name, value] of Object.entries(properties)) {
      if (value !== undefined) set(library, configuration, name, value);
    }
    return configuration;
  } catch (error) {
    symbols.rd_kafka_conf_destroy(configuration);
    throw error;
  }
}

function set(
  library: Library,
  configuration: Deno.PointerObject,
  name: string,
  value: string | number | boolean,
): void {
  const error = new Uint8Array(ERROR_BYTES);
  const status = library.symbols.rd_kafka_conf_set(
    configuration,
    cString(name),
    cString(String(value)),
    error,
    BigInt(ERROR_BYTES),
  );
  if (status === 0) return;
  throw new PropertyError(
    status === UNKNOWN_PROPERTY
      ? `unknown Kafka property "${name}"` +
        suggestion(nearestName(name, propertyNames(library)))
      : `Kafka property ${name}: ${bufferText(error)}`,
  );
}

/**
 * Every property name that this build of librdkafka knows. It tells them only
 * by printing its manual to a C stream, so it prints to one in memory, whose
 * functions it brings along with the C library.
 */
export function propertyNames(library: Library): ReadonlySet<string> {
  const opened = Deno.dlopen(library.path, {
    open_memstream: { parameters: ["pointer", "pointer"], result: "pointer" },
    rd_kafka_conf_properties_show: { parameters: ["pointer"], result: "void" },
    fclose: { parameters: ["pointer"], result: "i32" },
  });
  const { symbols } = opened;
  try {
    using block = new NativeBlock(library.symbols, 16);
    const stream = symbols.open_memstream(
      block.pointer,
      pointerAt(block.address + 8 as Address),
    );
    symbols.rd_kafka_conf_properties_show(stream);
    symbols.fclose(stream);
    const manual = pointerAt(addressIn(block.words, 0));
    const text = readCString(manual) ?? "";
    library.symbols.rd_kafka_mem_free(null, manual);
    return new Set(
      Array.from(text.matchAll(/^([a-z][\w.]*) +\|/gm), ([, name]) => name!),
    );
  } finally {
    opened.close();
  }
}
