/** Admin clients of both clusters, and what all clients of them say. */
import {
  Admin,
  type ClientEvent,
  type ClientProperties,
  type ConsumerProperties,
  type Library,
  type ProducerProperties,
} from "../src/kafka/mod.ts";
import type { Log } from "../src/telemetry/log.ts";
import {
  type ClusterName,
  PROMPT_RECONNECT,
  type StateCluster,
  type StateClusters,
} from "./state/mod.ts";

/** How clients of a cluster are made. */
export interface ClusterClients {
  readonly admin: ClientProperties;
  readonly producer: ProducerProperties;
  readonly consumer: ConsumerProperties;
}

export interface OpenClustersOptions {
  readonly library: Library;
  readonly clusters: Readonly<Record<ClusterName, ClusterClients>>;
  readonly log: Log;
}

const POLL_MS = 100;

/** @throws {PropertyError} where clients cannot be made. */
export function openClusters(
  { clusters, library, log }: OpenClustersOptions,
): StateClusters & AsyncDisposable {
  const owned = new AsyncDisposableStack();
  const onClientEvent = noting(log);
  const reached = (name: ClusterName): StateCluster => {
    const { admin: properties, consumer, producer } = clusters[name];
    const admin = new Admin(library, { ...PROMPT_RECONNECT, ...properties });
    const closing = new AbortController();
    const serving = serve(admin, onClientEvent, closing.signal);
    owned.defer(async () => {
      closing.abort();
      admin.wake();
      await serving;
      await admin[Symbol.asyncDispose]();
    });
    return { admin, consumer, producer };
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

export type Noted = (
  event: ClientEvent,
  client: Pick<Admin, "setOauthTokenFailure">,
) => void;

/** What clients say of a cluster that is down its health says better. */
export function noting(log: Log): Noted {
  return (event, client) => {
    switch (event.kind) {
      case "error":
        log.debug("Kafka", { error: event.error.message });
        return;
      case "log":
        log.debug(event.log.message, { facility: event.log.facility });
        return;
      case "tokenRefresh":
        client.setOauthTokenFailure("use sasl.oauthbearer.method=oidc");
        return;
      case "assign":
      case "revoke":
      case "statistics":
      case "other":
        return;
    }
  };
}

async function serve(
  admin: Admin,
  noted: Noted,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const event = await admin.poll(POLL_MS);
    if (event !== null) noted(event, admin);
  }
}
