/** What a sentinel does once it has decided to fail over. */
import {
  failOver,
  FailoverError,
  openFailOver,
} from "../../dr/failover/mod.ts";
import { replicationPolicy } from "../../dr/formats/mod.ts";
import type { FailOver } from "../../dr/sentinel/mod.ts";
import { other } from "../../dr/state/mod.ts";
import { clientSettings } from "./client_properties.ts";
import { leaseTimes } from "./lease_times.ts";
import type { FailOverParts } from "./run_sentinel.ts";

/** @throws {PropertyError} where clients cannot be made, once it is called. */
export const sentinelFailOver = (
  { clusters, library, log, settings }: FailOverParts,
): FailOver =>
async ({ epoch, reason, to }, signal) => {
  const reached = (cluster: "primary" | "secondary") =>
    clientSettings(
      { ...settings, guarantee: "exactly-once" },
      settings[cluster],
      clusters[cluster].brokers.join(","),
    );
  await using parts = openFailOver({
    library,
    clusters: { primary: reached("primary"), secondary: reached("secondary") },
    to,
    policy: replicationPolicy({
      kind: settings.mirror.policy,
      sourceAlias: "primary",
    }),
    replicationFactor: settings.mirror.replicationFactor,
    onStep: ({ detail, ms, step }) =>
      log.info(`failover: ${step}`, { detail, ms: Math.round(ms) }),
    log,
    leases: leaseTimes(settings, settings[other(to)]),
  });
  try {
    await failOver(parts, { to, reason, epoch }, signal);
  } catch (error) {
    // Another sentinel, or a person, has decided otherwise meanwhile.
    if (!(error instanceof FailoverError && error.kind === "refused")) {
      throw error;
    }
    log.info("does not fail over", { reason: error.message });
  }
};
