/** Serves the events of a client that does nothing but ask. */
import type { Admin, ClientEvent, Consumer } from "../../src/kafka/mod.ts";
import { type Log, logClientLine } from "../../src/telemetry/log.ts";

const POLL_MS = 100;

/** Until the signal aborts. */
export async function serve(
  client: Consumer | Admin,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const event: ClientEvent | null = await client.poll(POLL_MS);
    if (event?.kind === "error") {
      log.warn("Kafka", { error: event.error.message });
    } else if (event?.kind === "log") {
      logClientLine(log, event.log);
    } else if (event?.kind === "tokenRefresh") {
      client.setOauthTokenFailure("use sasl.oauthbearer.method=oidc");
    }
  }
}
