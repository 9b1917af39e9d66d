/** What the planned switch to the secondary does on real clusters. */
import { openFailOver } from "../failover/compose.ts";
import { failOver } from "../failover/fail_over.ts";
import type { ReplicationPolicy } from "../formats/mod.ts";
import type { LeaseTimes } from "../state/mod.ts";
import type { OpenedParts, OpenSwitchOptions } from "./open_switch.ts";
import { restParts } from "./rest.ts";
import type { SwitchOverParts } from "./switch_over.ts";

export interface OpenSwitchOverOptions extends OpenSwitchOptions {
  /** Of the mirror to the secondary. */
  readonly policy: ReplicationPolicy;
  /** What that takes, without what mirrors go on writing. */
  readonly isMirroredOver: (topic: string) => boolean;
  /** Of pools on the primary; null: they have no leases. */
  readonly leasesOver: LeaseTimes | null;
}

const FORWARD = { source: "primary", target: "secondary" } as const;

export function openSwitchOver(
  options: OpenSwitchOverOptions,
  opened: OpenedParts,
): SwitchOverParts & AsyncDisposable {
  const { library, log, policy, replicationFactor } = options;
  const { clusters } = opened.clients;
  const failover = openFailOver({
    library,
    clusters: options.clusters,
    to: "secondary",
    policy,
    replicationFactor,
    onStep: opened.onStep,
    log,
    leases: options.leasesOver,
  }, opened.clients);
  return {
    ...opened,
    ...restParts({
      ...options,
      clusters,
      flow: FORWARD,
      isMirrored: options.isMirroredOver,
      targetTopic: (topic) => policy.targetTopic(FORWARD.source, topic),
    }),
    lanes: (signal) => failover.lanes(signal),
    promote: ({ spans, ...request }, signal) =>
      failOver(
        { ...failover, spans },
        { ...request, to: "secondary", isPlanned: true },
        signal,
      ),
    [Symbol.asyncDispose]: () => failover[Symbol.asyncDispose](),
  };
}
