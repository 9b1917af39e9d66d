/** Clients of both clusters, for one who does something once. */
import { Admin, type ClientEvent, type Library } from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { ClusterClients } from "../mirror/lane_parts.ts";
import type { ClusterName, StateCluster, StateClusters } from "../state/mod.ts";

export interface OpenClientsOptions {
  readonly library: Library;
  readonly clusters: Readonly<Record<ClusterName, ClusterClients>>;
  readonly log: Log;
}

const POLL_MS = 100;

/** @throws {PropertyError} where clients cannot be made. */
export function openClients(
  { clusters, library, log }: OpenClientsOptions,
): StateClusters & AsyncDisposable {
  const owned = new AsyncDisposableStack();
  const onClientEvent = (
    event: ClientEvent,
    client: Pick<Admin, "setOauthTokenFailure">,
  ) => {
    // One of the clusters may well be down, and its clients say so all the time.
    if (event.kind === "log") log.debug(event.log.message);
    else if (event.kind === "error") {
      log.debug("Kafka", { error: event.error.message });
    } else if (event.kind === "tokenRefresh") {
      client.setOauthTokenFailure("use sasl.oauthbearer.method=oidc");
    }
  };
  const reached = (name: ClusterName): StateCluster => {
    const { admin: properties, ...clients } = clusters[name];
    const admin = new Admin(library, properties);
    const closing = new AbortController();
    const serving = (async () => {
      while (!closing.signal.aborted) {
        const event = await admin.poll(POLL_MS);
        if (event !== null) onClientEvent(event, admin);
      }
    })();
    owned.defer(async () => {
      closing.abort();
      admin.wake();
      await serving;
      await admin[Symbol.asyncDispose]();
    });
    return { ...clients, admin };
  };
  return {
    library,
    clusters: {
      primary: reached("primary"),
      secondary: reached("secondary"),
    },
    onClientEvent,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
