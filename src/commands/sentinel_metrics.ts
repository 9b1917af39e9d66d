/** What `SentinelStatus` has, as metrics. */
import type { SentinelStatus } from "../../dr/sentinel/mod.ts";
import type { Phase } from "../../dr/state/mod.ts";
import type { Metric, Sample } from "../telemetry/metrics.ts";

const CLUSTERS = ["primary", "secondary"] as const;
const HEALTHS = ["unknown", "healthy", "suspect", "down"] as const;
const PHASES: Readonly<Record<SentinelStatus["phase"], true>> = {
  starting: true,
  running: true,
  failing: true,
  draining: true,
  stopped: true,
};

const STATE_PHASES: Readonly<Record<Phase, true>> = {
  steady: true,
  fencing: true,
  draining: true,
  releasing: true,
  recovering: true,
  reversing: true,
  "catching-up": true,
};

export function sentinelMetrics(status: SentinelStatus): Metric[] {
  const { decision, gateway, health, isVoting, lagMs, state, votes } = status;
  const addresses = gateway?.addresses ?? [];
  const ofAddresses = (
    value: (address: typeof addresses[number]) => number,
  ): Sample[] =>
    addresses.map((each) => [{ listen: each.listen }, value(each)]);
  return [
    {
      kind: "gauge",
      name: "switchyard.sentinel.phase",
      help: "1 for the phase that this sentinel is in, 0 for others.",
      samples: Object.keys(PHASES).map((phase) => [
        { phase },
        Number(phase === status.phase),
      ]),
    },
    {
      kind: "gauge",
      name: "switchyard.sentinel.cluster_health",
      help:
        "1 for the health that this sentinel sees of a cluster, 0 for others.",
      samples: health === null
        ? []
        : CLUSTERS.flatMap((cluster) =>
          HEALTHS.map((each): Sample => [
            { cluster, health: each },
            Number(health[cluster].health === each),
          ])
        ),
    },
    {
      kind: "gauge",
      name: "switchyard.sentinel.active",
      help: "1 for the active cluster, 0 for the other one.",
      samples: state === null ? [] : CLUSTERS.map((cluster) => [
        { cluster },
        Number(state.active === cluster),
      ]),
    },
    {
      kind: "gauge",
      name: "switchyard.sentinel.state_phase",
      help:
        "1 for the phase of the state, 0 for others; steady: no switch is " +
        "under way.",
      samples: state === null ? [] : Object.keys(STATE_PHASES).map((phase) => [
        { phase },
        Number(phase === state.phase),
      ]),
    },
    {
      kind: "gauge",
      name: "switchyard.sentinel.epoch",
      help: "Epoch of the state.",
      samples: state === null ? [] : [[{}, state.epoch]],
    },
    {
      kind: "gauge",
      name: "switchyard.sentinel.voting",
      help: "1 while this sentinel's vote is taken.",
      samples: [[{}, Number(isVoting)]],
    },
    {
      kind: "gauge",
      name: "switchyard.sentinel.votes",
      unit: "{voter}",
      help: "Voters whose votes can be read, also old ones.",
      samples: [[{}, votes.length]],
    },
    {
      kind: "gauge",
      name: "switchyard.sentinel.advises",
      help: "1 while failing over is advised.",
      samples: [[{}, Number(decision?.kind === "advise")]],
    },
    {
      kind: "gauge",
      name: "switchyard.sentinel.lag",
      unit: "s",
      help: "How far the standby is behind, by what the mirror says.",
      samples: lagMs === null ? [] : [[{}, lagMs / 1000]],
    },
    {
      kind: "gauge",
      name: "switchyard.gateway.connections",
      unit: "{connection}",
      help: "Connections of clients that are open.",
      samples: ofAddresses(({ open }) => open),
    },
    {
      kind: "counter",
      name: "switchyard.gateway.accepted",
      unit: "{connection}",
      help: "Connections of clients that were accepted.",
      samples: ofAddresses(({ accepted }) => accepted),
    },
    {
      kind: "counter",
      name: "switchyard.gateway.refused",
      unit: "{connection}",
      help: "Connections that reached no broker, by reason.",
      samples: addresses.flatMap(({ listen, refused }) =>
        Object.entries(refused).map(([reason, count]): Sample => [
          { listen, reason },
          count,
        ])
      ),
    },
  ];
}
