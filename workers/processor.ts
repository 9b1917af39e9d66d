/**
 * How users write what Switchyard does with a record:
 *
 * ```ts
 * import { processor } from "switchyard";
 * import { z } from "zod";
 *
 * export default processor({
 *   input: z.object({ id: z.string(), amount: z.number() }),
 *   process({ value }) {
 *     return { key: value.id, value: { ...value, big: value.amount > 1000 } };
 *   },
 * });
 * ```
 *
 * A module's default export is one processor. It is loaded once a worker
 * thread, so what it keeps in variables belongs to that thread alone.
 */
import { stripVTControlCharacters } from "node:util";
import type { z } from "zod";
import type { Batch, Header, ReadHeader } from "../src/kafka/mod.ts";

/** One record to be written. */
export interface Output {
  /** Text and bytes as they are, null as a tombstone, all else as JSON. */
  readonly value: unknown;
  readonly key?: string | Uint8Array | null;
  readonly headers?: readonly Header[];
  /** Milliseconds since the epoch; absent: when it is produced. */
  readonly timestampMs?: number;
  /** Absent: the output topic of the settings. */
  readonly topic?: string;
  /** Absent: chosen by the key, as Java's producer does. */
  readonly partition?: number;
}

/**
 * One input record. Everything is decoded when it is read and not before.
 * Reading after the record was settled throws a TypeError.
 */
export interface InputRecord<Value> {
  /** The JSON value, checked by the processor's schema. */
  readonly value: Value;
  /** The value as text; null for a tombstone. */
  readonly text: string | null;
  /** A copy of the value's bytes; null for a tombstone. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  readonly key: string | null;
  readonly keyBytes: Uint8Array<ArrayBuffer> | null;
  /** With `switchyard.…` where it has come through a delay topic. */
  readonly headers: readonly ReadHeader[];
  // Where it was read: for a record that is tried again, perhaps a delay topic.
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /**
   * Of the original record, in ms since the epoch; -1 where that has none. (A
   * batch has the time at which it was sent to its delay topic instead.)
   */
  readonly timestampMs: number;
}

/** Writes JSON lines to the process's log. */
export interface ProcessorLog {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface Context {
  /** Aborted when the handler's time is over or the worker ends. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt at this record. */
  readonly attempt: number;
  readonly log: ProcessorLog;
}

/**
 * What became of the records of a batch. Every output belongs to an input: both
 * throw for an index that the batch does not have, and once it has ended.
 */
export interface BatchOutput {
  emit(inputIndex: number, output: Output): void;
  /** Sends the input to the dead-letter topic. */
  reject(inputIndex: number, reason: string): void;
}

type Result = Output | readonly Output[] | void;

/**
 * Works record by record. An error that it throws, and a value that the schema
 * refuses, send the record to the dead-letter topic.
 */
export interface RecordProcessor<Value> {
  /** A synchronous zod schema; `value` is what it makes of the JSON. */
  readonly input?: z.ZodType<Value>;
  /**
   * A synchronous zod schema that the JSON must satisfy; `value` is the JSON as
   * it came, with all of its fields. Cheaper than `input`, which copies. With
   * neither, `value` is whatever the JSON says.
   */
  readonly check?: z.ZodType<unknown, Value>;
  process(
    record: InputRecord<Value>,
    context: Context,
  ): Result | Promise<Result>;
}

/**
 * Works batch by batch, for the last drop of speed: reads straight from the
 * batch. An input without outputs is skipped. An error that it throws sends
 * every input of the batch that has no outputs yet to the dead-letter topic.
 */
export interface BatchProcessor {
  processBatch(
    batch: Batch,
    output: BatchOutput,
    context: Context,
  ): void | Promise<void>;
}

export type Processor<Value = unknown> =
  | RecordProcessor<Value>
  | BatchProcessor;

/** Gives a processor its types; does nothing at run time. */
export function processor<Schema extends z.ZodType>(
  definition: {
    readonly input: Schema;
    process(
      record: InputRecord<z.output<Schema>>,
      context: Context,
    ): Result | Promise<Result>;
  },
): RecordProcessor<z.output<Schema>>;
export function processor<Schema extends z.ZodType>(
  definition: {
    readonly check: Schema;
    process(
      record: InputRecord<z.input<Schema>>,
      context: Context,
    ): Result | Promise<Result>;
  },
): RecordProcessor<z.input<Schema>>;
export function processor(
  definition: RecordProcessor<unknown>,
): RecordProcessor<unknown>;
export function processor(definition: BatchProcessor): BatchProcessor;
export function processor<Value>(
  definition: Processor<Value>,
): Processor<Value> {
  return definition;
}

/**
 * Loads the processor that a module exports by default.
 * @throws {Error} that names the module, whatever is wrong with it.
 */
export async function loadProcessor(url: string): Promise<Processor> {
  const exported = await importDefault(url);
  const isObject = typeof exported === "object" && exported !== null;
  if (isObject && "process" in exported && isFunction(exported.process)) {
    return exported as RecordProcessor<unknown>;
  }
  if (
    isObject && "processBatch" in exported && isFunction(exported.processBatch)
  ) {
    return exported as BatchProcessor;
  }
  throw new TypeError(
    `${url} does not export a processor by default: ` +
      "write `export default processor({ process(record) { ... } })`",
  );
}

async function importDefault(url: string): Promise<unknown> {
  try {
    const module: { readonly default?: unknown } = await import(url);
    return module.default;
  } catch (error) {
    throw new Error(`the processor ${url} does not load: ${whyNot(error)}`, {
      cause: error,
    });
  }
}

/** What an import threw, and where, which Deno's own errors say themselves. */
function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Deno colors them even where no terminal is.
  const message = stripVTControlCharacters(error.message);
  const [place] = error.stack?.match(/file:\/\/\S+:\d+:\d+/) ?? [];
  return place === undefined || message.includes("file://")
    ? message
    : `${message} (${place})`;
}

const isFunction = (value: unknown) => typeof value === "function";
