/** What a failover is told by the settings. */
import type { OpenFailOverOptions } from "../../dr/failover/mod.ts";
import { type ClusterName, other } from "../../dr/state/mod.ts";
import type { Settings } from "../config/mod.ts";
import { clientSettings } from "./client_properties.ts";
import { leaseTimes } from "./lease_times.ts";
import { policyOf } from "./run_mirror.ts";

export function failOverOptions(
  settings: Settings,
  brokers: Readonly<Record<ClusterName, string>>,
  to: ClusterName,
): Omit<OpenFailOverOptions, "library" | "log" | "onStep"> {
  const exact = { ...settings, guarantee: "exactly-once" } as const;
  const clients = (cluster: ClusterName) =>
    clientSettings(exact, settings[cluster], brokers[cluster]);
  return {
    clusters: { primary: clients("primary"), secondary: clients("secondary") },
    to,
    policy: policyOf(settings, "primary"),
    replicationFactor: settings.mirror.replicationFactor,
    leases: leaseTimes(settings, settings[other(to)]),
  };
}
