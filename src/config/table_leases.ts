/** The settings of strict leases; a part of the table. */
import { z } from "zod";
import { setting } from "./field.ts";
import { flag, wholeNumber } from "./kinds.ts";

export const leases = {
  leases: z.strictObject({
    strict: setting(flag, {
      env: "STRICT_LEASES",
      default: false,
      description:
        "A pool works only while the secondary tells it that it may, and a " +
        "failover waits until no pool can work on the other cluster any more. " +
        "`start` needs `GUARANTEE=exactly-once` for it.",
    }),
    lengthMs: setting(wholeNumber(2000, 600_000), {
      env: "LEASE_MS",
      unit: "ms",
      default: 10_000,
      why: "shorter ones end by a busy broker alone",
      description: "So long after it was told so for the last time a pool " +
        "goes on.",
    }),
  }),
};

export const leasesSection = {
  title: "Strict leases",
  about: "The same for pools, sentinels and the commands `failover` and " +
    "`failback`, as is `transactionTimeoutMs`; see " +
    "[disaster-recovery.md](disaster-recovery.md#strict-leases).",
  shape: leases,
};
