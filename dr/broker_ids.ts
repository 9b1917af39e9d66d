/**
 * Whether the brokers of two clusters can be told apart. A client that moves from
 * one to the other keeps what it knew of a broker's id: a librdkafka consumer that
 * meets the same id again, with a lower leader epoch, hangs for ever.
 */
import {
  type Admin,
  type ClusterDescription,
  KafkaError,
} from "../src/kafka/mod.ts";
import type { ClusterName } from "./state/types.ts";

/** The clusters cannot be worked with as they are; the message says why. */
export class ClusterPairError extends Error {
  override readonly name = "ClusterPairError";
}

export type BrokerIds =
  | { readonly kind: "disjoint" }
  | { readonly kind: "shared"; readonly ids: readonly number[] }
  /** Both are one cluster. */
  | { readonly kind: "same-cluster"; readonly clusterId: string }
  /** Cannot be known now. */
  | {
    readonly kind: "unanswered";
    /** By cluster that did not answer: why. */
    readonly reasons: Readonly<Partial<Record<ClusterName, string>>>;
  };

/** What two clusters say of themselves, judged. */
export function judgeBrokerIds(
  primary: ClusterDescription,
  secondary: ClusterDescription,
): BrokerIds {
  const { clusterId } = primary;
  if (clusterId !== null && clusterId === secondary.clusterId) {
    return { kind: "same-cluster", clusterId };
  }
  const known = new Set(primary.brokers.map(({ id }) => id));
  const ids = secondary.brokers.map(({ id }) => id)
    .filter((id) => known.has(id)).sort((a, b) => a - b);
  return ids.length === 0 ? { kind: "disjoint" } : { kind: "shared", ids };
}

/**
 * Asks both. Brokers that are down now are not named by their cluster: whoever
 * runs on asks again from time to time.
 * @param admins stay the caller's.
 * @throws the signal's reason.
 */
export async function checkBrokerIds(
  admins: Readonly<Record<ClusterName, Admin>>,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<BrokerIds> {
  const [primary, secondary] = await Promise.all([
    describe(admins.primary, options),
    describe(admins.secondary, options),
  ]);
  if (primary instanceof KafkaError || secondary instanceof KafkaError) {
    return {
      kind: "unanswered",
      reasons: {
        ...primary instanceof KafkaError ? { primary: primary.message } : {},
        ...secondary instanceof KafkaError
          ? { secondary: secondary.message }
          : {},
      },
    };
  }
  return judgeBrokerIds(primary, secondary);
}

async function describe(
  admin: Admin,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<ClusterDescription | KafkaError> {
  try {
    return await admin.describeCluster(options);
  } catch (error) {
    if (error instanceof KafkaError) return error;
    throw error;
  }
}

/** What to tell the user; null where all is well. */
export function brokerIdsProblem(ids: BrokerIds): string | null {
  switch (ids.kind) {
    case "disjoint":
      return null;
    case "shared":
      return `both clusters have brokers with the ids ${ids.ids.join(", ")}: ` +
        "librdkafka consumers that move from one to the other hang; give the " +
        "brokers of one cluster other values of node.id";
    case "same-cluster":
      return "PRIMARY_BROKERS and SECONDARY_BROKERS are brokers of the same " +
        `cluster, ${ids.clusterId}`;
    case "unanswered":
      return Object.entries(ids.reasons)
        .map(([cluster, reason]) =>
          `the ${cluster} does not answer (${reason})`
        )
        .join(" and ") +
        ", so it is not known whether the clusters share broker ids";
  }
}
