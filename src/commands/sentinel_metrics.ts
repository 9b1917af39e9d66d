/** What `SentinelStatus` has, in Prometheus' text format. */
import type { SentinelStatus } from "../../dr/sentinel/mod.ts";
import { metric, type Sample } from "../telemetry/prometheus_text.ts";

const CLUSTERS = ["primary", "secondary"] as const;
const HEALTHS = ["unknown", "healthy", "suspect", "down"] as const;

export function sentinelMetrics(status: SentinelStatus): string {
  const { decision, gateway, health, isVoting, lagMs, state, votes } = status;
  const addresses = gateway?.addresses ?? [];
  const ofAddresses = (
    value: (address: typeof addresses[number]) => number,
  ): Sample[] =>
    addresses.map((each) => [{ listen: each.listen }, value(each)]);
  return [
    metric(
      "switchyard_sentinel_cluster_health",
      "gauge",
      "1 for the health that this sentinel sees of a cluster, 0 for others.",
      health === null
        ? []
        : CLUSTERS.flatMap((cluster) =>
          HEALTHS.map((each): Sample => [
            { cluster, health: each },
            Number(health[cluster].health === each),
          ])
        ),
    ),
    metric(
      "switchyard_sentinel_active",
      "gauge",
      "1 for the active cluster, 0 for the other one.",
      state === null ? [] : CLUSTERS.map((cluster) => [
        { cluster },
        Number(state.active === cluster),
      ]),
    ),
    metric(
      "switchyard_sentinel_epoch",
      "gauge",
      "Epoch of the state.",
      state === null ? [] : [[{}, state.epoch]],
    ),
    metric(
      "switchyard_sentinel_voting",
      "gauge",
      "1 while this sentinel's vote is taken.",
      [[{}, Number(isVoting)]],
    ),
    metric(
      "switchyard_sentinel_votes",
      "gauge",
      "Voters whose votes can be read, also old ones.",
      [[{}, votes.length]],
    ),
    metric(
      "switchyard_sentinel_advises",
      "gauge",
      "1 while failing over is advised.",
      [[{}, Number(decision?.kind === "advise")]],
    ),
    metric(
      "switchyard_sentinel_lag_seconds",
      "gauge",
      "How far the standby is behind, by the mirror's heartbeats.",
      lagMs === null ? [] : [[{}, lagMs / 1000]],
    ),
    metric(
      "switchyard_gateway_connections",
      "gauge",
      "Connections of clients that are open.",
      ofAddresses(({ open }) => open),
    ),
    metric(
      "switchyard_gateway_accepted_total",
      "counter",
      "Connections of clients that were accepted.",
      ofAddresses(({ accepted }) => accepted),
    ),
    metric(
      "switchyard_gateway_refused_total",
      "counter",
      "Connections that reached no broker, by reason.",
      addresses.flatMap(({ listen, refused }) =>
        Object.entries(refused).map(([reason, count]): Sample => [
          { listen, reason },
          count,
        ])
      ),
    ),
  ].join("");
}
