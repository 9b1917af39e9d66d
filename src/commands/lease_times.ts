/** What the settings say of strict leases. */
import type { LeaseTimes } from "../../dr/state/mod.ts";
import type { ClusterSettings, Settings } from "../config/mod.ts";
import { clientSettings } from "./client_properties.ts";

/**
 * @param left the cluster that pools leave, whose brokers abort what they had open
 * @returns null where there are no leases.
 */
export function leaseTimes(
  settings: Settings,
  left: ClusterSettings,
): LeaseTimes | null {
  const { lengthMs, strict } = settings.leases;
  if (!strict) return null;
  // As pools have it: a property of the cluster overrides the setting.
  const exact = { ...settings, guarantee: "exactly-once" } as const;
  const { producer } = clientSettings(exact, left, left.brokers ?? "");
  return {
    leaseMs: lengthMs,
    transactionMs: Number(producer["transaction.timeout.ms"]),
  };
}
