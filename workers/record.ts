/** The lazy view of one record that processors are given. */
import type { z } from "zod";
import type { Batch } from "../src/kafka/mod.ts";
import type { Discreet } from "../src/telemetry/log_errors.ts";
import { type DelayTopics, NO_DELAY_TOPICS } from "./delay_topics.ts";
import type { InputRecord, RecordProcessor } from "./processor.ts";

/** A record that its processor must not see: bad JSON or a refused value. */
export class InvalidRecordError extends Error implements Discreet {
  override readonly name = "InvalidRecordError";
  /** The message quotes the record, which stands in the dead letter anyway. */
  readonly publicMessage = "the record is not what the processor takes";
}

const SHOWN_ISSUES = 3;

export class RecordView<Value> implements InputRecord<Value> {
  readonly #batch: Batch;
  readonly #index: number;
  readonly #processor: RecordProcessor<Value>;
  readonly #delayTopics: DelayTopics;

  constructor(
    batch: Batch,
    index: number,
    processor: RecordProcessor<Value>,
    delayTopics = NO_DELAY_TOPICS,
  ) {
    this.#batch = batch;
    this.#index = index;
    this.#processor = processor;
    this.#delayTopics = delayTopics;
  }

  get value(): Value {
    const text = this.#batch.passingText(this.#index);
    if (text === null) throw new InvalidRecordError("the value is null");
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new InvalidRecordError(
        `the value is not JSON: ${error instanceof Error ? error.message : ""}`,
      );
    }
    const { input, check } = this.#processor;
    if (input !== undefined) {
      const result = input.safeParse(value);
      if (!result.success) throw new InvalidRecordError(describe(result.error));
      return result.data;
    }
    const result = check?.safeParse(value);
    if (result?.error) throw new InvalidRecordError(describe(result.error));
    return value as Value;
  }

  get text(): string | null {
    return this.#batch.text(this.#index);
  }
  get bytes(): Uint8Array<ArrayBuffer> | null {
    return this.#batch.value(this.#index);
  }
  get key(): string | null {
    return this.#batch.keyText(this.#index);
  }
  get keyBytes(): Uint8Array<ArrayBuffer> | null {
    return this.#batch.key(this.#index);
  }
  get headers() {
    return this.#batch.headers(this.#index);
  }
  get topic(): string {
    return this.#batch.tp(this.#index).topic;
  }
  get partition(): number {
    return this.#batch.tp(this.#index).partition;
  }
  get offset(): number {
    return this.#batch.offset(this.#index);
  }
  get timestampMs(): number {
    return this.#delayTopics.timestampOf(this.#batch, this.#index);
  }
}

function describe(error: z.ZodError): string {
  const shown = error.issues.slice(0, SHOWN_ISSUES).map((issue) => {
    const path = issue.path.map(String).join(".");
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  const more = error.issues.length - shown.length;
  return shown.join("; ") + (more > 0 ? `; and ${more} more` : "");
}
