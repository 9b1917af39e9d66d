import assert from "node:assert/strict";
import {
  type Command,
  DrillError,
  type DrillWorld,
  type Fault,
  type Observed,
  runDrill,
  type Scenario,
  type Sent,
  type View,
} from "../../dr/drill/mod.ts";
import type { ClusterName, Phase } from "../../dr/state/mod.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { broughtHome, failedOver } from "./support_drill.ts";

const { signal } = new AbortController();
const log = createLog({ level: "error", write: () => {} });
const options = {
  // It shifts the steps by nothing, where others do by up to two seconds.
  seed: 1633,
  // The records of the toy were sent in 1970.
  objectives: { maxRtoMs: 60_000, maxRpoMs: Infinity },
  log,
};
const good = failedOver({ before: 40, after: 20, tail: 5, ahead: 2 });

const KILL: Scenario = {
  name: "kill",
  describes: "",
  load: { perSecond: 1, keys: 1 },
  steps: [{
    atMs: 0,
    fault: { kind: "kill", cluster: "primary" },
    lasts: null,
  }],
  expects: { active: "secondary" },
  runsMs: 0,
};
const NOTHING: Scenario = {
  ...KILL,
  name: "nothing",
  steps: [],
  expects: { active: "primary" },
  runsMs: 50,
};

const home = broughtHome({ before: 30, away: 20, after: 10 });
const PLANNED: Scenario = {
  ...NOTHING,
  name: "planned",
  steps: [
    { atMs: 0, command: "failover --planned" },
    { when: "promoted", afterMs: 0, command: "failback --switch" },
  ],
  expects: { active: "primary", switches: ["secondary", "primary"] },
};

/** All goes as it should, unless it is told otherwise. */
class ToyWorld implements DrillWorld {
  readonly name = "toy";
  readonly limits = ["it is a toy"];
  readonly failing = Promise.withResolvers<string>();
  readonly done: string[] = [];
  sent: readonly Sent[] = good.sent;
  clusters: Readonly<Record<ClusterName, Observed>> = good.clusters;
  active: ClusterName = "primary";
  phase: Phase = "steady";
  /** What the fault brings about. */
  onFault: () => void = () => void (this.active = "secondary");
  #end = 0;

  get failed() {
    return this.failing.promise;
  }

  ready() {
    return Promise.resolve();
  }

  waitingFor() {
    return ["the toy"];
  }

  begin(fault: Fault) {
    this.done.push(`begin ${fault.kind}`);
    this.onFault();
  }

  end(fault: Fault) {
    this.done.push(`end ${fault.kind}`);
  }

  run(command: Command, _signal: AbortSignal): Promise<void> {
    this.done.push(command);
    this.active = command === "failback --switch" ? "primary" : "secondary";
    return Promise.resolve();
  }

  view(): View {
    const { active, phase } = this;
    return { health: null, state: { active, epoch: 1, phase } };
  }

  startLoad() {
    this.done.push("load");
  }

  stopLoad() {
    this.done.push("no load");
    return Promise.resolve(this.sent);
  }

  outputEnd() {
    return Promise.resolve(this.#end++);
  }

  tail() {
    return Promise.resolve(null);
  }

  shownAborts() {
    return [];
  }

  observe(cluster: ClusterName) {
    this.done.push(`observe ${cluster}`);
    return Promise.resolve(this.clusters[cluster]);
  }
}

Deno.test("a failover that is called for, and comes, meets the objectives", async () => {
  const world = new ToyWorld();
  const report = await runDrill(KILL, { ...options, world }, signal);
  assert.deepEqual(report.violations, []);
  assert.equal(report.met, true);
  assert.equal(report.tail, 5);
  assert.ok(report.firstRecordMs !== null);
});

Deno.test("the cluster that was left is asked once its fault is over, after the load", async () => {
  const world = new ToyWorld();
  await runDrill(KILL, { ...options, world }, signal);
  assert.deepEqual(world.done, [
    "load",
    "begin kill",
    "no load",
    "observe secondary",
    "end kill",
    "observe primary",
  ]);
});

Deno.test("a first output that is later than allowed is no violation, and the objectives are missed", async () => {
  const world = new ToyWorld();
  const objectives = { maxRtoMs: -1, maxRpoMs: Infinity };
  const report = await runDrill(
    KILL,
    { ...options, objectives, world },
    signal,
  );
  assert.deepEqual(report.violations, []);
  assert.equal(report.met, false);
});

Deno.test("a tail that is older than allowed misses the objectives", async () => {
  const world = new ToyWorld();
  const objectives = { maxRtoMs: 60_000, maxRpoMs: 60_000_000 };
  const report = await runDrill(
    KILL,
    { ...options, objectives, world },
    signal,
  );
  assert.ok(report.rpoMs > 60_000_000);
  assert.equal(report.met, false);
});

Deno.test("what the judge finds is in the report", async () => {
  const world = new ToyWorld();
  const { primary, secondary } = good.clusters;
  world.clusters = {
    primary,
    secondary: {
      ...secondary,
      outputs: [...secondary.outputs, secondary.outputs.at(-1)!],
    },
  };
  const report = await runDrill(KILL, { ...options, world }, signal);
  assert.deepEqual(report.violations, ["1 outputs are repeated"]);
  assert.equal(report.met, false);
});

Deno.test("a switch that nobody called for is a violation, even where it came to nothing", async () => {
  const world = new ToyWorld();
  world.sent = good.sent.filter(({ cluster }) => cluster === "primary");
  world.clusters = {
    primary: good.clusters.primary,
    secondary: { ...good.clusters.primary, clusterId: "two" },
  };
  world.onFault = () => {
    world.phase = "fencing";
    setTimeout(() => world.phase = "steady", 30);
  };
  const scenario: Scenario = {
    ...NOTHING,
    steps: [{ ...KILL.steps[0]!, lasts: 1 }],
    runsMs: 100,
  };
  const report = await runDrill(scenario, { ...options, world }, signal);
  assert.deepEqual(report.violations, [
    "a switch was begun, and none was called for",
  ]);
});

Deno.test("where a failover does not come the faults end before the cluster is asked", async () => {
  const world = new ToyWorld();
  world.sent = good.sent.filter(({ cluster }) => cluster === "primary");
  world.clusters = {
    primary: good.clusters.primary,
    secondary: { clusterId: "two", inputs: [], outputs: [] },
  };
  world.onFault = () => {};
  const report = await runDrill(
    KILL,
    { ...options, failoverMs: 50, world },
    signal,
  );
  assert.deepEqual(report.violations, [
    "the primary is active and the secondary should be",
    "40 inputs of the primary are not mirrored",
  ]);
  assert.equal(report.met, false);
  assert.deepEqual(world.done.slice(2), [
    "no load",
    "end kill",
    "observe primary",
    "observe secondary",
  ]);
});

/** In which an operator moves all, and nothing breaks. */
function plannedWorld(): ToyWorld {
  const world = new ToyWorld();
  world.sent = home.sent;
  world.clusters = home.clusters;
  return world;
}

Deno.test("a planned switch and back is no fault, and both switches are told", async () => {
  const world = plannedWorld();
  const report = await runDrill(PLANNED, { ...options, world }, signal);
  assert.deepEqual(report.violations, []);
  assert.equal(report.met, true);
  assert.deepEqual(report.switches.map(({ to }) => to), [
    "secondary",
    "primary",
  ]);
  assert.deepEqual([report.decideMs, report.firstRecordMs], [null, null]);
  assert.deepEqual(world.done, [
    "load",
    "failover --planned",
    "failback --switch",
    "no load",
    "observe primary",
    // Once for how far the mirror is.
    "observe secondary",
    "observe secondary",
  ]);
});

Deno.test("a role is killed when all come to rest for the switch home, and not for the one there", async () => {
  const world = plannedWorld();
  const [begun, looked] = [
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
  ];
  world.onFault = () => void begun.resolve();
  const view = world.view.bind(world);
  world.view = () => {
    if (world.phase === "draining") looked.resolve();
    return view();
  };
  world.run = async (command) => {
    world.done.push(command);
    world.phase = "draining";
    const isHome = command === "failback --switch";
    await (isHome ? begun : looked).promise;
    world.phase = "steady";
    world.active = isHome ? "primary" : "secondary";
  };
  const crash = { kind: "crash", role: "mirror" } as const;
  const steps: Scenario["steps"] = [
    ...PLANNED.steps,
    { when: "draining-home", afterMs: 0, fault: crash, lasts: 1 },
  ];
  const report = await runDrill(
    { ...PLANNED, steps },
    { ...options, world },
    signal,
  );
  assert.deepEqual(report.violations, []);
  assert.deepEqual(world.done.slice(1, 5), [
    "failover --planned",
    "failback --switch",
    "begin crash",
    "end crash",
  ]);
  assert.deepEqual([report.decideMs, report.firstRecordMs], [null, null]);
});

Deno.test("a planned switch that keeps the load waiting for too long misses the objectives", async () => {
  const world = plannedWorld();
  world.sent = home.sent.map((each) =>
    each.id < 50
      ? each
      : { ...each, acknowledgedMs: each.acknowledgedMs! + 70_000 }
  );
  const report = await runDrill(PLANNED, { ...options, world }, signal);
  assert.deepEqual(report.violations, []);
  assert.equal(report.met, false);
});

Deno.test("a switch that commands said was made, and the load did not, is a violation", async () => {
  const world = plannedWorld();
  world.sent = home.sent.map((each) => ({ ...each, cluster: "primary" }));
  const report = await runDrill(PLANNED, { ...options, world }, signal);
  assert.ok(
    report.violations.includes(
      "the load has moved to: nowhere; and should have to: secondary, primary",
    ),
    report.violations.join("; "),
  );
});

Deno.test("a command that fails makes the drill fail with what it said", async () => {
  const world = plannedWorld();
  world.run = () =>
    Promise.reject(new DrillError('"failover --planned" ended with 1: no'));
  await assert.rejects(
    runDrill(PLANNED, { ...options, world }, signal),
    /"failover --planned" ended with 1: no/,
  );
});

Deno.test("a command that does not end is ended, and the drill fails", async () => {
  const world = plannedWorld();
  let isEnded = false;
  world.run = (_command, stop) =>
    new Promise((_resolve, reject) => {
      stop.addEventListener("abort", () => {
        isEnded = true;
        reject(stop.reason);
      });
    });
  await assert.rejects(
    runDrill(PLANNED, { ...options, world, commandMs: 20 }, signal),
    /failover --planned has not ended after 0.02 s/,
  );
  assert.ok(isEnded);
});

Deno.test("where what a command is to wait for does not come the drill ends", async () => {
  const world = plannedWorld();
  world.run = (command) => Promise.resolve(void world.done.push(command));
  const report = await runDrill(
    PLANNED,
    { ...options, world, failoverMs: 50 },
    signal,
  );
  assert.ok(
    report.violations.includes("it did not come to this: failback --switch"),
    report.violations.join("; "),
  );
});

Deno.test("where a role ends there is no report", async () => {
  const world = new ToyWorld();
  const running = runDrill(
    { ...NOTHING, runsMs: 600_000 },
    { ...options, world },
    signal,
  );
  world.failing.resolve("the mirror hangs");
  await assert.rejects(
    running,
    (error) =>
      error instanceof DrillError && /the mirror hangs/.test(error.message),
  );
});

Deno.test("a drill ends when it is told to", async () => {
  const stop = new AbortController();
  const running = runDrill(
    { ...NOTHING, runsMs: 600_000 },
    { ...options, world: new ToyWorld() },
    stop.signal,
  );
  stop.abort(new Error("enough"));
  await assert.rejects(running, /enough/);
});
