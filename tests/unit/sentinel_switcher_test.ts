import assert from "node:assert/strict";
import {
  abandoned,
  ABANDONED_MS,
  dueNow,
  type Switch,
  Switcher,
} from "../../dr/sentinel/mod.ts";
import type { DrState } from "../../dr/state/types.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { type FakeClock, fakeClock } from "./support_clock.ts";

const SECOND = 1_000;
const decided = (epoch: number): Switch => ({
  to: "secondary",
  epoch,
  reason: "primary is down",
});

/** What it was told to do, and what comes of it. */
class Stage implements AsyncDisposable {
  readonly calls: number[] = [];
  readonly switcher: Switcher;
  isUnderWay = false;
  /** Settles the call that runs. */
  outcome = Promise.withResolvers<void>();
  readonly #clock: FakeClock = fakeClock();

  constructor() {
    this.switcher = new Switcher({
      failOver: async ({ epoch }, signal) => {
        this.calls.push(epoch);
        this.outcome = Promise.withResolvers();
        const abort = () => this.outcome.reject(signal.reason);
        signal.addEventListener("abort", abort);
        try {
          await this.outcome.promise;
        } finally {
          signal.removeEventListener("abort", abort);
        }
      },
      isUnderWay: () => this.isUnderWay,
      log: createLog({ level: "error", write: () => {} }),
    });
  }

  tick(ms = 0): Promise<void> {
    return this.#clock.tick(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.switcher[Symbol.asyncDispose]();
    await this.tick(60 * SECOND);
    await ended;
    this.#clock[Symbol.dispose]();
  }
}

Deno.test("one switch is carried out at a time, however often it is decided", async () => {
  await using stage = new Stage();
  const { calls, switcher } = stage;
  for (const epoch of [1, 1, 2]) switcher.begin(decided(epoch));
  await stage.tick(10 * SECOND);
  assert.deepEqual(calls, [1]);
  assert.deepEqual(switcher.current, {
    ...decided(1),
    attempts: 1,
    failure: null,
  });

  stage.outcome.resolve();
  await stage.tick();
  assert.equal(switcher.current, null);
  switcher.begin(decided(3));
  assert.deepEqual(calls, [1, 3]);
});

Deno.test("a switch that cannot be begun is left to the next decision", async () => {
  await using stage = new Stage();
  stage.switcher.begin(decided(1));
  stage.outcome.reject(new Error("the secondary does not answer"));
  await stage.tick(10 * SECOND);
  assert.deepEqual(stage.calls, [1]);
  assert.equal(stage.switcher.current, null);
});

Deno.test("a switch that has begun is carried on until it is over", async () => {
  await using stage = new Stage();
  stage.switcher.begin(decided(1));
  stage.isUnderWay = true;
  for (const count of [2, 3]) {
    stage.outcome.reject(new Error("no answer"));
    await stage.tick(2 * SECOND);
    assert.equal(stage.calls.length, count);
    // It cannot go on for ever without saying so.
    const { current } = stage.switcher;
    assert.deepEqual(
      [current?.attempts, current?.failure],
      [count, "no answer"],
    );
  }
  stage.outcome.resolve();
  await stage.tick(10 * SECOND);
  assert.deepEqual(stage.calls, [1, 1, 1]);
  assert.equal(stage.switcher.current, null);
});

Deno.test("giving up that gets no answer is broken off, so that it does not hold up a failover", async () => {
  await using stage = new Stage();
  stage.switcher.begin({ ...decided(1), to: "primary", givesUp: true });
  await stage.tick(70 * SECOND);
  stage.switcher.begin(decided(2));
  await stage.tick(70 * SECOND);
  // A failover takes as long as it takes.
  assert.deepEqual(stage.calls, [1, 2]);
  assert.equal(stage.switcher.current?.attempts, 1);
});

Deno.test("who ends lets a switch come to its end, and begins no other", async () => {
  await using stage = new Stage();
  const { calls, switcher } = stage;
  switcher.begin(decided(1));
  let isEnded = false;
  const ended = switcher[Symbol.asyncDispose]().then(() => isEnded = true);
  await stage.tick(SECOND);
  assert.equal(isEnded, false);
  stage.outcome.resolve();
  await stage.tick();
  await ended;
  switcher.begin(decided(2));
  assert.deepEqual(calls, [1]);
});

Deno.test("a switch that does not come to its end is left in the middle when all ends", async () => {
  await using stage = new Stage();
  stage.isUnderWay = true;
  stage.switcher.begin(decided(1));
  const ended = stage.switcher[Symbol.asyncDispose]();
  await stage.tick(60 * SECOND);
  await ended;
  assert.deepEqual(stage.calls, [1]);
});

const state: DrState = {
  epoch: 8,
  active: "primary",
  phase: "fencing",
  sinceMs: 0,
  reason: "primary is down",
  era: 0,
  lanes: 4,
};

Deno.test("a failover that nobody has carried on for long is anybody's, and nothing else is", () => {
  assert.deepEqual(abandoned(state, ABANDONED_MS), decided(8));
  // Whatever the time is by the clock of who wrote it.
  assert.equal(abandoned(state, ABANDONED_MS - 1), null);
  for (const phase of ["steady", "recovering", "catching-up"] as const) {
    assert.equal(abandoned({ ...state, phase }, ABANDONED_MS), null);
  }
});

Deno.test("a planned switch and the way back are never carried on by others, but given up, by the clock of who sees them", () => {
  const rests = [
    { active: "primary", phase: "draining" },
    ...(["releasing", "draining", "fencing"] as const).map((phase) => ({
      active: "secondary" as const,
      phase,
    })),
  ] as const;
  for (const each of rests) {
    const rest: DrState = { ...state, ...each };
    assert.equal(abandoned(rest, ABANDONED_MS - 1), null);
    const { epoch, givesUp, to } = abandoned(rest, ABANDONED_MS)!;
    assert.deepEqual([to, epoch, givesUp], [each.active, 8, true]);
  }
});

Deno.test("a sentinel that only advises gives up what people left in the middle, and fails over by no means", () => {
  const stay = { kind: "stay" } as const;
  const advice = { kind: "advise", ...decided(8) } as const;
  const failOver = abandoned(state, ABANDONED_MS);
  const giveUp = abandoned({ ...state, phase: "draining" }, ABANDONED_MS);
  assert.equal(giveUp?.givesUp, true);
  for (const decision of [stay, advice]) {
    assert.equal(dueNow(decision, failOver, "advise"), null);
    assert.equal(dueNow(decision, null, "advise"), null);
    assert.equal(dueNow(decision, giveUp, "advise"), giveUp);
  }
  assert.equal(dueNow(stay, failOver, "automatic"), failOver);
  const decision = { kind: "fail-over", ...decided(9) } as const;
  assert.equal(dueNow(decision, giveUp, "automatic"), decision);
});
