/** What can happen, as data. */
import type { Fault, Load, Scenario, Step } from "./types.ts";

const LOAD: Load = { perSecond: 300, keys: 40 };

const primary = (kind: "kill" | "hang"): Fault => ({
  kind,
  cluster: "primary",
});
const killed = (atMs: number, fault: Fault, lastsMs: number): Step => ({
  atMs,
  fault,
  lastsMs,
});

/** Shorter than what a sentinel takes for an outage, again and again. */
const PULSES = 5;
const PULSE_EVERY_MS = 2_000;
const PULSE_MS = 500;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "kill",
    describes: "all brokers of the primary die and stay dead",
    load: LOAD,
    steps: [{ atMs: 4_000, fault: primary("kill"), lastsMs: null }],
    expects: { active: "secondary" },
    runsMs: 3_000,
  },
  {
    name: "hang",
    describes: "the primary takes requests and answers none",
    load: LOAD,
    steps: [{ atMs: 4_000, fault: primary("hang"), lastsMs: null }],
    expects: { active: "secondary" },
    runsMs: 3_000,
  },
  {
    name: "interrupted",
    describes: "the primary dies, and in the failover the secondary for 1 s",
    load: LOAD,
    steps: [
      { atMs: 4_000, fault: primary("kill"), lastsMs: null },
      {
        when: "fencing",
        fault: { kind: "kill", cluster: "secondary" },
        lastsMs: 1_000,
      },
    ],
    expects: { active: "secondary" },
    // Clients that lost the secondary wait before they connect again.
    maxRtoMs: 20_000,
    runsMs: 3_000,
  },
  {
    name: "slow",
    describes: "the primary answers 150 ms later for some seconds",
    load: LOAD,
    steps: [{
      atMs: 3_000,
      fault: { kind: "slow", cluster: "primary", delayMs: 150 },
      lastsMs: 5_000,
    }],
    expects: { active: "primary" },
    runsMs: 10_000,
  },
  {
    name: "flapping",
    describes: "the primary comes and goes, never for long",
    load: LOAD,
    steps: Array.from(
      { length: PULSES },
      (_, at) => killed(3_000 + at * PULSE_EVERY_MS, primary("kill"), PULSE_MS),
    ),
    expects: { active: "primary" },
    runsMs: 14_000,
  },
  {
    name: "secondary-down",
    describes: "the secondary dies and comes back",
    load: LOAD,
    steps: [killed(3_000, { kind: "kill", cluster: "secondary" }, 6_000)],
    expects: { active: "primary" },
    runsMs: 12_000,
  },
  {
    name: "both-down",
    describes: "both clusters die and come back together",
    load: LOAD,
    steps: [
      killed(3_000, primary("kill"), 5_000),
      killed(3_000, { kind: "kill", cluster: "secondary" }, 5_000),
    ],
    expects: { active: "primary" },
    runsMs: 12_000,
  },
];

export const scenarioNamed = (name: string): Scenario | null =>
  SCENARIOS.find((each) => each.name === name) ?? null;
