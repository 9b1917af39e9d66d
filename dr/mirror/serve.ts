/** Serves the events of a client that does nothing but ask. */
import type { Admin, ClientEvent, Consumer } from "../../src/kafka/mod.ts";
import { type Log, logClientLine } from "../../src/telemetry/log.ts";

const POLL_MS = 100;
/** A cluster that is down says so all the time. */
const SAID_AGAIN_MS = 30_000;

/** Until the signal aborts. */
export async function serve(
  client: Consumer | Admin,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const saidMs = new Map<string, number>();
  while (!signal.aborted) {
    const event: ClientEvent | null = await client.poll(POLL_MS);
    if (event?.kind === "error") {
      const { message } = event.error;
      const nowMs = performance.now();
      if (nowMs - (saidMs.get(message) ?? -Infinity) < SAID_AGAIN_MS) continue;
      saidMs.set(message, nowMs);
      log.warn("Kafka", { error: message });
    } else if (event?.kind === "log") {
      logClientLine(log, event.log);
    } else if (event?.kind === "tokenRefresh") {
      client.setOauthTokenFailure("use sasl.oauthbearer.method=oidc");
    }
  }
}
