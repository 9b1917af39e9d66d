/** What applications give, and are told. */
import type {
  ClientLog,
  ClientProperties,
  ConsumerProperties,
  KafkaError,
  OutputRecord,
  ProducerProperties,
} from "../../src/kafka/mod.ts";
import type { ClusterName } from "../state/types.ts";
import type { Stay } from "./course.ts";
import type { FollowedRecord } from "./records.ts";

/** librdkafka's properties, passed through. */
export interface ClusterProperties {
  /** Of every client; with `bootstrap.servers`, of the brokers themselves. */
  readonly kafka: ClientProperties;
  readonly producer?: ProducerProperties;
  readonly consumer?: ConsumerProperties;
}

export type Clusters = Readonly<Record<ClusterName, ClusterProperties>>;

/**
 * - `switch`: work has ended or begun; from now on the clients are on `to`.
 *   Null: nowhere, because a switch is under way, or it is the beginning.
 * - `resent`: so many records were not acknowledged, and are sent to `cluster`.
 * - `refused`: the commit of a batch that was handled was refused as stale; or a
 *   processor could not begin or commit, and tries again.
 * - `leftOut`: so many results of a processor were there already, as a failover
 *   has found, and were not written again.
 * - `late`: a client of a cluster that was left does not end in its time. It
 *   begins neither to send nor to commit any more; it ends in the background.
 * - `state`: the state cannot be read on this cluster now.
 * - `error` and `log`: of a client.
 */
export type FollowerEvent =
  | {
    readonly kind: "switch";
    readonly from: Stay | null;
    readonly to: Stay | null;
    /** The highest that was seen. */
    readonly epoch: number;
  }
  | (
    & { readonly cluster: ClusterName }
    & (
      | { readonly kind: "resent"; readonly records: number }
      | { readonly kind: "refused"; readonly reason: string }
      | { readonly kind: "leftOut"; readonly records: number }
      | { readonly kind: "late"; readonly client: "producer" | "consumer" }
      | { readonly kind: "state"; readonly reason: string }
      | { readonly kind: "error"; readonly error: KafkaError }
      | { readonly kind: "log"; readonly log: ClientLog }
    )
  );

/** Called at once and synchronously; it must not throw. */
export type OnFollowerEvent = (event: FollowerEvent) => void;

/**
 * What comes of a record: the same results in the same order each time, since by
 * their numbers those are told that are there already.
 * @param signal aborts when the cluster is left, or the end has come; then the
 * record comes again
 */
export type ProcessRecord = (
  record: FollowedRecord,
  signal: AbortSignal,
) => readonly OutputRecord[] | Promise<readonly OutputRecord[]>;
