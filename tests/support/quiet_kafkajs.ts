import process from "node:process";
import { type Admin, Kafka, logLevel } from "kafkajs";

/** A kafkajs client that says nothing. */
export function quietKafka(bootstrapServers: string): Kafka {
  muteTimeoutWarning();
  return new Kafka({
    brokers: bootstrapServers.split(","),
    logLevel: logLevel.NOTHING,
  });
}

/** Asks an administrator that is connected for that alone. */
export async function withKafkaAdmin<T>(
  bootstrapServers: string,
  ask: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = quietKafka(bootstrapServers).admin();
  await admin.connect();
  try {
    return await ask(admin);
  } finally {
    await admin.disconnect();
  }
}

let warningIsMuted = false;

/**
 * kafkajs 2.2.4 sets a timer for a moment in the past with every connection, of
 * which newer runtimes warn on stderr.
 */
function muteTimeoutWarning(): void {
  if (warningIsMuted) return;
  warningIsMuted = true;
  const emitWarning = process.emitWarning.bind(process) as (
    ...args: unknown[]
  ) => void;
  process.emitWarning = (...args: unknown[]) => {
    if (args[1] !== "TimeoutNegativeWarning") emitWarning(...args);
  };
}
