/** From the results of probes to a cluster's health. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  checkHealthOptions,
  HEALTH_DEFAULTS,
  type HealthHistory,
  healthOf,
  type HealthOptions,
  NO_HISTORY,
  observe,
  PROBE_NAMES,
  PROBE_TIMINGS,
  type ProbeName,
  type ProbeOutcome,
} from "../../dr/health/mod.ts";
import type { Health } from "../../dr/state/types.ts";

type Kind = ProbeOutcome["kind"];

const outcome = (kind: Kind): ProbeOutcome =>
  kind === "passed" ? { kind, remark: null } : { kind, why: "so" };

/** One probe of interest, while the others pass all the time. */
class Watched {
  nowMs = 1_000_000;
  history: HealthHistory = NO_HISTORY;
  /** Health after each result, and when. */
  readonly seen: { readonly health: Health; readonly atMs: number }[] = [];
  readonly #name: ProbeName;
  readonly #options: HealthOptions;

  constructor(
    name: ProbeName = "brokers",
    options: HealthOptions = HEALTH_DEFAULTS,
  ) {
    this.#name = name;
    this.#options = options;
  }

  get health(): Health {
    return healthOf(this.history, this.nowMs, this.#options);
  }

  /** @param tookMs of the attempt; the next one begins `everyMs` after it began. */
  round(kind: Kind, tookMs = 5, everyMs = 500): void {
    const begunMs = this.nowMs;
    for (const name of PROBE_NAMES) {
      if (name !== this.#name) this.#observe(name, "passed", begunMs, 5);
    }
    this.#observe(this.#name, kind, begunMs, tookMs);
    this.nowMs = begunMs + tookMs;
    this.seen.push({ health: this.health, atMs: this.nowMs });
    this.nowMs = begunMs + Math.max(tookMs + 10, everyMs);
  }

  rounds(count: number, kind: Kind, tookMs = 5): void {
    for (let at = 0; at < count; at++) this.round(kind, tookMs);
  }

  /** How long until the health is so, while each attempt ends so; in ms. */
  untilMs(health: Health, kind: Kind, tookMs = 5): number {
    const beganMs = this.nowMs;
    for (let at = 0; at < 200; at++) {
      this.round(kind, tookMs);
      const last = this.seen.at(-1)!;
      if (last.health === health) return last.atMs - beganMs;
    }
    return Infinity;
  }

  #observe(name: ProbeName, kind: Kind, begunMs: number, tookMs: number) {
    this.history = observe(
      this.history,
      name,
      { ...outcome(kind), begunMs, endedMs: begunMs + tookMs },
      this.#options,
    );
  }
}

function healthy(name?: ProbeName): Watched {
  const watched = new Watched(name);
  watched.rounds(60, "passed");
  assert.equal(watched.health, "healthy");
  return watched;
}

Deno.test("nothing is known of a cluster before every probe has passed for a while", () => {
  const watched = new Watched();
  assert.equal(watched.health, "unknown");
  watched.round("passed");
  assert.equal(watched.health, "unknown");
  assert.ok(watched.untilMs("healthy", "passed") >= 2_000);
});

Deno.test("one failure makes it suspect, and it takes calm to be healthy again", () => {
  const watched = healthy();
  watched.round("failed");
  assert.equal(watched.health, "suspect");
  watched.round("passed");
  assert.equal(watched.health, "suspect");
  assert.ok(watched.untilMs("healthy", "passed") <= HEALTH_DEFAULTS.calmMs);
});

Deno.test("by default a killed cluster is down within 2 s, one that hangs within 3 s of the last good attempt", () => {
  const { everyMs, timeoutMs } = PROBE_TIMINGS.brokers;
  for (const [tookMs, limitMs] of [[5, 2_000], [timeoutMs, 3_000]] as const) {
    const watched = healthy();
    const downMs = watched.untilMs("down", "failed", tookMs);
    assert.ok(downMs + everyMs <= limitMs + tookMs, `${downMs} ms`);
  }
});

Deno.test("a cluster that works again is not called down any more, and not healthy yet", () => {
  const watched = healthy();
  watched.untilMs("down", "failed");
  watched.round("passed");
  assert.equal(watched.health, "suspect");
  watched.rounds(3, "failed");
  assert.equal(watched.health, "suspect");
  watched.round("failed");
  assert.equal(watched.health, "down");
});

Deno.test("recovery takes longer than failure", () => {
  for (const name of PROBE_NAMES) {
    const watched = healthy(name);
    const failedMs = watched.untilMs("down", "failed");
    const recoveredMs = watched.untilMs("healthy", "passed");
    assert.ok(recoveredMs > failedMs, `${name}: ${failedMs}, ${recoveredMs}`);
    assert.ok(recoveredMs < Infinity);
  }
});

Deno.test("partitions may lack leaders for as long as Kafka takes to miss a broker", () => {
  for (const name of ["partitions", "round-trip"] as const) {
    const watched = healthy(name);
    watched.rounds(20, "failed");
    assert.equal(watched.health, "suspect", name);
  }
});

Deno.test("what may not be asked says nothing, unless no client could do without it", () => {
  for (const name of PROBE_NAMES) {
    const watched = healthy(name);
    watched.rounds(100, "inconclusive");
    const isNeeded = name === "brokers" || name === "metadata";
    assert.equal(watched.health, isNeeded ? "unknown" : "healthy", name);
  }
});

Deno.test("to refuse our login does not make a cluster that was down healthy at once", () => {
  const watched = healthy("round-trip");
  watched.untilMs("down", "failed");
  watched.round("inconclusive");
  assert.equal(watched.health, "suspect");
  const leftMs = watched.untilMs("healthy", "inconclusive");
  const { recoveringMs } = HEALTH_DEFAULTS.thresholds["round-trip"];
  assert.ok(leftMs >= recoveringMs - 1_000, `${leftMs} ms`);
});

Deno.test("what was seen before the process slept is not told after", () => {
  const watched = healthy();
  watched.untilMs("down", "failed");
  watched.nowMs += 3_600_000;
  assert.equal(watched.health, "unknown");
  watched.round("failed");
  assert.notEqual(watched.health, "down");
});

Deno.test("thresholds with which a cluster would flap are refused", () => {
  checkHealthOptions(HEALTH_DEFAULTS);
  const refused = (change: object, text: RegExp) => {
    const { thresholds } = HEALTH_DEFAULTS;
    const brokers = { ...thresholds.brokers, ...change };
    const options = {
      ...HEALTH_DEFAULTS,
      ...change,
      thresholds: { ...thresholds, brokers },
    };
    assert.throws(() => checkHealthOptions(options), text);
  };
  refused({ recoveringMs: 1_500 }, /recoveringMs 1500/);
  refused({ failures: 1 }, /failures 1:/);
  refused({ failingMs: -1 }, /failingMs -1/);
  refused({ calmMs: 0 }, /calmMs 0/);
  refused({ staleMs: NaN }, /staleMs NaN/);
});

const kinds = fc.array(
  fc.tuple(
    fc.constantFrom<Kind>("passed", "failed", "inconclusive"),
    fc.integer({ min: 1, max: 30 }),
    fc.constantFrom(5, 5, 400, 800),
  ),
  { maxLength: 20 },
);
const probe = fc.constantFrom(...PROBE_NAMES);

Deno.test("however a cluster comes and goes, it is down only while all fails, and healthy only after nothing has failed for long", () => {
  fc.assert(fc.property(probe, kinds, (name, stretches) => {
    const { failingMs, failures, recoveringMs } =
      HEALTH_DEFAULTS.thresholds[name];
    const watched = new Watched(name);
    const results: Kind[] = [];
    for (const [kind, count, tookMs] of stretches) {
      for (let at = 0; at < count; at++) {
        watched.round(kind, tookMs);
        results.push(kind);
      }
    }
    // An attempt lasts below a second, and begins before it is told of.
    const lately = (at: number, ms: number) =>
      results.slice(0, at + 1).filter((_, index) =>
        watched.seen[at]!.atMs - watched.seen[index]!.atMs < ms - 1_000
      );
    let wasDown = false;
    for (const [at, { health }] of watched.seen.entries()) {
      if (health === "down") {
        const last = results.slice(0, at + 1).slice(-failures);
        assert.equal(last.length, failures);
        for (const kind of [...last, ...lately(at, failingMs)]) {
          assert.equal(kind, "failed", `down at ${at}`);
        }
        wasDown = true;
      }
      // Of what has refused us for as long, nothing is known any more.
      if (health === "unknown") wasDown = false;
      if (health !== "healthy" || !wasDown) continue;
      assert.ok(!lately(at, recoveringMs).includes("failed"), `at ${at}`);
      wasDown = false;
    }
  }));
});

Deno.test("a cluster that flaps is healthy, down and healthy again no more often than both take", () => {
  fc.assert(fc.property(probe, kinds, (name, stretches) => {
    const watched = new Watched(name);
    for (const [kind, count, tookMs] of stretches) {
      watched.rounds(count, kind, tookMs);
    }
    let wasDown = false;
    const returns = watched.seen.filter(({ health }) => {
      const isReturn = wasDown && health === "healthy";
      wasDown = health === "down" || wasDown && !isReturn;
      return isReturn;
    });
    const { failingMs, recoveringMs } = HEALTH_DEFAULTS.thresholds[name];
    for (const [at, { atMs }] of returns.entries()) {
      const before = returns[at - 1]?.atMs ?? -Infinity;
      assert.ok(atMs - before >= failingMs + recoveringMs);
    }
  }));
});
