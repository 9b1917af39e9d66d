/** How a cluster is reached by what keeps the state. */
import type {
  Admin,
  ClientEvent,
  Consumer,
  ConsumerProperties,
  Library,
  Producer,
  ProducerProperties,
} from "../../src/kafka/mod.ts";
import type { ClusterName } from "./types.ts";

export interface StateCluster {
  /** Its events are polled by whoever made it. */
  readonly admin: Admin;
  readonly producer: ProducerProperties;
  /** A `group.id` among them is named and never joined. */
  readonly consumer: ConsumerProperties;
}

export type OnClientEvent = (
  event: ClientEvent,
  client: Producer | Consumer,
) => void;

export interface StateClusters {
  readonly library: Library;
  readonly clusters: Readonly<Record<ClusterName, StateCluster>>;
  /** Errors, log lines and token refreshes of our own clients, as they come. */
  readonly onClientEvent: OnClientEvent;
}

/**
 * Of what waits for a cluster to return. By default librdkafka waits for up to
 * 10 s between two attempts; measured after an outage of 6 s, a reader went on 2
 * to 5 s after the broker, and so 0.1 to 0.2 s.
 */
export const PROMPT_RECONNECT = { "reconnect.backoff.max.ms": 250 } as const;

/** Fetches without librdkafka's habit of waiting up to a second. */
const PROMPT_FETCH = {
  "fetch.wait.max.ms": 100,
  "fetch.queue.backoff.ms": 2,
} as const;

/** Of a client that reads a topic of ours: small, and waited for. */
export const readerProperties = (
  { consumer }: Pick<StateCluster, "consumer">,
): ConsumerProperties => ({
  "group.id": "switchyard-state",
  ...PROMPT_RECONNECT,
  ...consumer,
  ...PROMPT_FETCH,
});
