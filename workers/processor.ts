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

/** The W3C trace in which something is done. */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Of the span of this attempt, 16 digits; null: none is made. */
  readonly spanId: string | null;
  /** The header that carries the trace on, to other services for example. */
  readonly traceparent: string;
}

export interface Context {
  /** Aborted when the handler's time is over or the worker ends. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt at this record; of a batch, its highest. */
  readonly attempt: number;
  /**
   * That of the record, which came with it; of a batch, its own. Null: there is
   * none, or nothing is traced. Outputs go on with the record's by themselves,
   * unless they have a header `traceparent`.
   */
  readonly trace: Trace | null;
  /** In a trace, its lines name that. */
  readonly log: ProcessorLog;
}

/** Thrown by a handler: this record can never succeed, so do not try again. */
export class RejectError extends Error {
  override readonly name = "RejectError";
}

/**
 * Thrown by a handler: try this record again. Any other error says so too; this
 * one can wish for a wait, while attempts (`RETRY_ATTEMPTS`) are left.
 */
export class RetryError extends Error {
  override readonly name = "RetryError";
  /** Milliseconds; null: as the settings say. */
  readonly delayMs: number | null;

  /** @throws {RangeError} unless the wait is 0 or more. */
  constructor(message: string, options: ErrorOptions & RetryWish = {}) {
    super(message, options);
    this.delayMs = checkedDelay(options.delayMs);
  }
}

export interface RetryWish {
  /** Milliseconds until the next attempt; absent: as the settings say. */
  readonly delayMs?: number;
}

function checkedDelay(delayMs: number | undefined): number | null {
  if (delayMs === undefined) return null;
  if (typeof delayMs === "number" && delayMs >= 0) return delayMs;
  throw new RangeError(`a delay of ${delayMs} ms; expected 0 or more`);
}

/** The records that a batch processor is given; each index is below `count`. */
export type InputBatch = Pick<
  Batch,
  | "count"
  | "offsets"
  | "tp"
  | "offset"
  | "timestamp"
  | "key"
  | "keyText"
  | "value"
  | "text"
  | "passingText"
  | "headers"
>;

/**
 * What became of the records of a batch. Every output belongs to an input: all
 * throw for an index that the batch does not have, and once it has ended.
 * Nothing is sent before it has ended.
 */
export interface BatchOutput {
  emit(inputIndex: number, output: Output): void;
  /** Sends the input to the dead-letter topic. */
  reject(inputIndex: number, reason: string): void;
  /**
   * Tries the input again, while attempts are left, in a batch of what is left
   * to do. Whatever else this batch says of the input is dropped.
   * @param delayMs milliseconds; absent: as the settings say
   * @throws {RangeError} unless the wait is 0 or more.
   */
  retry(inputIndex: number, delayMs?: number): void;
}

type Result = Output | readonly Output[] | void;

/**
 * Works record by record. When it throws, the record is tried again, and goes
 * to the dead-letter topic when its attempts are used up; at once where it can
 * never succeed: for a `RejectError`, or a value that the schema refuses.
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
 * batch. An input without an answer is skipped. When it throws, the inputs that
 * have no answer yet are tried again in a batch of their own, and each by itself
 * at the last attempt, so that one bad record harms no other.
 */
export interface BatchProcessor {
  processBatch(
    batch: InputBatch,
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
