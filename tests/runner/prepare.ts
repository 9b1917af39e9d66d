/** What must be there before the first test: once, here, instead of in each. */
import { NativeError } from "../../src/kafka/native/error.ts";
import { ensureNative } from "../../src/kafka/native/locate.ts";
import { progressWriter } from "../../src/kafka/native/progress.ts";
import { kafkaRuntime } from "../support/kafka_runtime.ts";
import { missingForPrometheus } from "../support/prometheus_tools.ts";
import { missingForKafka } from "../support/require_java.ts";

/** The tests cannot run; the message says what to do. */
export class PrepareError extends Error {
  override readonly name = "PrepareError";
}

export interface Prepared {
  /** Why some tests will not be run, and what to install. */
  readonly missing: string | undefined;
}

/** @throws {PrepareError} */
export async function prepare(signal: AbortSignal): Promise<Prepared> {
  try {
    await ensureNative({ onProgress: progressWriter(), signal });
  } catch (cause) {
    if (!(cause instanceof NativeError)) throw cause;
    throw new PrepareError(cause.message, { cause });
  }
  const withoutKafka = missingForKafka();
  const reasons = [withoutKafka, missingForPrometheus()]
    .filter((each) => each !== undefined);
  const missing = reasons.length === 0 ? undefined : reasons.join("; ");
  if (withoutKafka !== undefined) return { missing };
  try {
    await kafkaRuntime();
  } catch (cause) {
    throw new PrepareError(
      `Apache Kafka, for tests on real brokers, cannot be prepared: ${
        (cause as Error).message
      }`,
      { cause },
    );
  }
  return { missing };
}
