/** Whether a cluster works, as seen from here. */
export * from "./hysteresis.ts";
export { type BrokerAddress, nameBrokers } from "./known_brokers.ts";
export {
  PROBE_NAMES,
  type ProbeName,
  type ProbeOutcome,
  type ProbeResult,
} from "./probe.ts";
export type { ProbeTiming } from "./probe_loop.ts";
export { PROBE_TOPIC } from "./probe_topic.ts";
export {
  type HealthReport,
  PROBE_TIMINGS,
  Prober,
  type ProberOptions,
  type ProbeTimings,
} from "./prober.ts";
