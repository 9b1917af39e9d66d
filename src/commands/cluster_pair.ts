/** Whether the clusters of the settings can be worked with as a pair. */
import {
  type BrokerIds,
  brokerIdsProblem,
  checkBrokerIds,
  ClusterPairError,
} from "../../dr/broker_ids.ts";
import { openClusters } from "../../dr/clusters.ts";
import type { ClusterName } from "../../dr/state/mod.ts";
import type { Settings } from "../config/mod.ts";
import type { Library } from "../kafka/mod.ts";
import { createLog } from "../telemetry/log.ts";
import { clientSettings } from "./client_properties.ts";

const ASK_MS = 5_000;

export interface ClusterPair {
  readonly library: Library;
  readonly settings: Settings;
  readonly brokers: Readonly<Record<ClusterName, string>>;
  /** For so long they are asked. Default: 5 s. */
  readonly askMs?: number;
}

/**
 * What both say.
 * @throws {PropertyError} where clients cannot be made; the signal's reason.
 */
export async function askBrokerIds(
  { askMs = ASK_MS, brokers, library, settings }: ClusterPair,
  signal?: AbortSignal,
): Promise<BrokerIds> {
  const plain = { ...settings, guarantee: "at-least-once" } as const;
  const clients = (name: ClusterName) =>
    clientSettings(plain, settings[name], brokers[name]);
  await using opened = openClusters({
    library,
    clusters: { primary: clients("primary"), secondary: clients("secondary") },
    // What is said comes with the answer.
    log: createLog({ level: "error", write: () => {} }),
  });
  const { primary, secondary } = opened.clusters;
  return await checkBrokerIds(
    { primary: primary.admin, secondary: secondary.admin },
    { timeoutMs: askMs, ...signal === undefined ? {} : { signal } },
  );
}

/** @throws {ClusterPairError} where they are one of these; as `askBrokerIds`. */
export async function refusePair(
  pair: ClusterPair,
  unfit: readonly BrokerIds["kind"][],
  signal?: AbortSignal,
): Promise<void> {
  const ids = await askBrokerIds(pair, signal);
  const problem = brokerIdsProblem(ids);
  if (problem === null || !unfit.includes(ids.kind)) return;
  throw new ClusterPairError(problem);
}
