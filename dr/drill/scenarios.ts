/** What can happen, as data. */
import type {
  Fault,
  FaultStep,
  Load,
  Party,
  RoleName,
  Scenario,
  Step,
  Turn,
} from "./types.ts";

const LOAD: Load = { perSecond: 300, keys: 40 };
/** Before anything happens, so that there is something to keep. */
const CALM_MS = 1_500;
const RUNS_MS = 2_500;
/** A sentinel has missed a dead primary by then, and not decided yet. */
const IN_OUTAGE_MS = 1_000;
/** A failover takes longer, on embedded clusters surely. */
const FAILOVER_MS = 400;
/** Phases of a switch that is planned are short. */
const IN_PHASE_MS = 400;
/** For so long a process is away. */
const AWAY_MS = 500;
/** Others carry on what has stood still for 30 s. */
const ABANDONED_RTO_MS = 50_000;
/** Clients that were lost wait before they connect again. */
const AGAIN_RTO_MS = 20_000;

const ALL: readonly Party[] = ["pool", "mirror", "sentinel", "load"];

const lost = (
  kind: "kill" | "hang",
  lasts: FaultStep["lasts"] = null,
): Step => ({
  atMs: CALM_MS,
  fault: { kind, cluster: "primary" },
  lasts,
});
const cut = (from: readonly Party[], lasts: FaultStep["lasts"]): Step => ({
  atMs: CALM_MS,
  fault: { kind: "cut", cluster: "primary", from },
  lasts,
});

type Parts = Pick<Scenario, "name" | "describes" | "steps"> & Partial<Scenario>;

const leaves = (parts: Parts): Scenario => ({
  load: LOAD,
  expects: { active: "secondary" },
  runsMs: RUNS_MS,
  ...parts,
});
const stays = (parts: Parts): Scenario => ({
  load: LOAD,
  expects: { active: "primary" },
  runsMs: RUNS_MS + 1_500,
  ...parts,
});

/** Shorter than what a sentinel takes for an outage, again and again. */
const PULSES = 4;
const PULSE_EVERY_MS = 2_000;
const PULSE_MS = 500;

const kill = (cluster: "primary" | "secondary"): Fault => ({
  kind: "kill",
  cluster,
});

const FAULTS: readonly Scenario[] = [
  leaves({
    name: "kill",
    describes: "all brokers of the primary die and stay dead",
    steps: [lost("kill")],
  }),
  leaves({
    name: "hang",
    describes: "the primary takes requests and answers none",
    steps: [lost("hang")],
  }),
  leaves({
    name: "cut",
    describes: "the network to the primary is cut, and its brokers live on",
    steps: [cut(ALL, null)],
  }),
  leaves({
    name: "recovered",
    describes: "the primary dies, and comes back when nobody needs it any more",
    steps: [lost("kill", "promoted")],
  }),
  leaves({
    name: "interrupted",
    describes: "the primary dies, and in the failover the secondary for 1 s",
    steps: [
      lost("kill"),
      {
        when: "fencing",
        afterMs: FAILOVER_MS,
        fault: kill("secondary"),
        lasts: 1_000,
      },
    ],
    maxRtoMs: AGAIN_RTO_MS,
  }),
  stays({
    name: "slow",
    describes: "the primary answers 150 ms later for some seconds",
    steps: [{
      atMs: CALM_MS,
      fault: { kind: "slow", cluster: "primary", delayMs: 150 },
      lasts: 5_000,
    }],
  }),
  stays({
    name: "flapping",
    describes: "the primary comes and goes, never for long",
    steps: Array.from({ length: PULSES }, (_, at): Step => ({
      atMs: CALM_MS + at * PULSE_EVERY_MS,
      fault: kill("primary"),
      lasts: PULSE_MS,
    })),
  }),
  stays({
    name: "secondary-down",
    describes: "the secondary dies and comes back",
    steps: [{ atMs: CALM_MS, fault: kill("secondary"), lasts: 6_000 }],
  }),
  stays({
    name: "both-down",
    describes: "both clusters die and come back together",
    steps: (["primary", "secondary"] as const).map((cluster): Step => ({
      atMs: CALM_MS,
      fault: kill(cluster),
      lasts: 5_000,
    })),
  }),
];

const ISOLATED: readonly Scenario[] = [
  stays({
    name: "sentinel-isolated",
    describes: "the sentinel alone does not reach the primary for a while",
    steps: [cut(["sentinel"], 8_000)],
  }),
  stays({
    name: "mirror-isolated",
    describes: "the mirror alone does not reach the primary for a while",
    steps: [cut(["mirror"], 5_000)],
  }),
  stays({
    name: "pool-isolated",
    describes: "the pool alone does not reach the primary for a while",
    steps: [cut(["pool"], 5_000)],
  }),
];

const crash = (role: RoleName): FaultStep => ({
  fault: { kind: "crash", role },
  lasts: AWAY_MS,
});
const crashAt = (role: RoleName, when: Turn, afterMs: number): Step => ({
  when,
  afterMs,
  ...crash(role),
});

const NO_ABORTS =
  "embedded clusters do not abort transactions, so what a killed process had " +
  "begun would count";
const wants = (role: RoleName): Pick<Scenario, "needsKafka"> =>
  role === "sentinel" ? {} : { needsKafka: NO_ABORTS };

/** They wake up when all is decided without them, and must write nothing. */
const FROZEN: readonly Scenario[] = [
  leaves({
    name: "pool-frozen",
    describes: "the primary dies, and the pool stands still until the failover",
    steps: [
      lost("kill"),
      {
        atMs: CALM_MS,
        fault: { kind: "freeze", role: "pool" },
        lasts: "promoted",
      },
    ],
    maxRtoMs: AGAIN_RTO_MS,
  }),
  leaves({
    name: "mirror-frozen",
    describes:
      "all but the mirror lose the primary, and it stands still until " +
      "the failover",
    steps: [
      cut(["pool", "sentinel", "load"], null),
      {
        atMs: CALM_MS,
        fault: { kind: "freeze", role: "mirror" },
        lasts: "promoted",
      },
    ],
    maxRtoMs: AGAIN_RTO_MS,
    needsKafka: NO_ABORTS,
  }),
];

const CRASHES: readonly Scenario[] = [
  ...(["pool", "mirror", "sentinel"] as const).flatMap((role) => [
    stays({
      name: `${role}-crash`,
      describes:
        `the ${role} is killed and started again, and all else is well`,
      steps: [{ atMs: CALM_MS, ...crash(role) }],
      ...wants(role),
    }),
    leaves({
      name: `${role}-crash-outage`,
      describes: `the primary dies, and the ${role} before anybody decides`,
      steps: [
        lost("kill"),
        { atMs: CALM_MS + IN_OUTAGE_MS, ...crash(role) },
      ],
      maxRtoMs: AGAIN_RTO_MS,
    }),
    leaves({
      name: `${role}-crash-promoted`,
      describes: `the primary dies, and the ${role} right after the failover`,
      steps: [lost("kill"), crashAt(role, "promoted", 300)],
      maxRtoMs: AGAIN_RTO_MS,
      ...role === "pool" ? { needsKafka: NO_ABORTS } : {},
    }),
  ]),
  ...(["pool", "mirror"] as const).map((role) =>
    leaves({
      name: `${role}-crash-failover`,
      describes: `the primary dies, and the ${role} during the failover`,
      steps: [lost("kill"), crashAt(role, "fencing", FAILOVER_MS)],
      maxRtoMs: AGAIN_RTO_MS,
    })
  ),
  leaves({
    name: "failover-crash",
    describes: "the primary dies, and the sentinel that fails over",
    steps: [lost("kill"), crashAt("sentinel", "fencing", FAILOVER_MS)],
    maxRtoMs: ABANDONED_RTO_MS,
  }),
];

/** Up to so long after everybody has come to the secondary. */
const AWAY_FROM_HOME_MS = 8_000;

const THERE_AND_BACK: readonly Step[] = [
  { atMs: CALM_MS, command: "failover --planned" },
  { when: "promoted", afterMs: 0, command: "mirror --from secondary" },
  {
    when: "promoted",
    afterMs: AWAY_FROM_HOME_MS,
    command: "failback --switch",
  },
];

const thereAndBack = (parts: Parts): Scenario =>
  stays({
    expects: { active: "primary", switches: ["secondary", "primary"] },
    maxRtoMs: AGAIN_RTO_MS,
    needsKafka:
      "embedded clusters do not list their groups, so nobody can tell when " +
      "these have come to rest",
    ...parts,
  });

/**
 * Phases of a switch there and back, in their order. It never comes to `releasing`:
 * pools rest for a tail only, and there is none.
 */
const PASSED = {
  "draining": "while all come to rest for the switch",
  "recovering": "when the way back begins",
  "reversing": "while the mirror back comes to the end",
  "catching-up": "when the mirror back has come to the end",
  "draining-home": "while all come to rest for the switch home",
} as const;
const TURNS = Object.keys(PASSED) as readonly (keyof typeof PASSED)[];

const PLANNED: readonly Scenario[] = [
  thereAndBack({
    name: "planned",
    describes:
      "an operator moves everybody to the secondary, and later home again",
    steps: THERE_AND_BACK,
  }),
  ...TURNS.flatMap((turn) =>
    (["pool", "mirror", "sentinel"] as const).map((role) =>
      thereAndBack({
        name: `${role}-crash-${turn}`,
        describes: `as planned, and the ${role} is killed ${PASSED[turn]}`,
        steps: [...THERE_AND_BACK, crashAt(role, turn, IN_PHASE_MS)],
        maxRtoMs: ABANDONED_RTO_MS,
      })
    )
  ),
];

export const SCENARIOS: readonly Scenario[] = [
  ...FAULTS,
  ...ISOLATED,
  ...FROZEN,
  ...CRASHES,
  ...PLANNED,
];

export const scenarioNamed = (name: string): Scenario | null =>
  SCENARIOS.find((each) => each.name === name) ?? null;
