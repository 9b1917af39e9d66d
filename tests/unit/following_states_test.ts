import assert from "node:assert/strict";
import type { Copies, DrState, StateStore } from "../../dr/state/mod.ts";
import { NO_STATE } from "../../src/commands/following/assignment.ts";
import {
  statesOf,
  type StatesParts,
} from "../../src/commands/following/states.ts";
import { KafkaError } from "../../src/kafka/mod.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import { fakeClock } from "./support_clock.ts";
import { FIRST } from "./support_dr_state.ts";
import { turns } from "./support_sessions.ts";

/** What a cluster says when it is asked for the topic. */
type Answer = "yes" | "no" | "silence";

/** Clusters with or without a state, followed until the test ends. */
function following(topic: { primary: Answer; secondary: Answer }) {
  const stop = new AbortController();
  const taken: DrState[] = [];
  const lines: LogLine[] = [];
  const world = { topic, newest: null as DrState | null, later: [FIRST] };
  const reached = (name: "primary" | "secondary") => ({
    admin: {
      metadata: (asked: string) => {
        const answer = world.topic[name];
        if (answer === "silence") {
          return Promise.reject(
            new KafkaError("late", { code: -185, codeName: "_TIMED_OUT" }),
          );
        }
        const error = answer === "yes"
          ? null
          : new KafkaError("none", { code: 3, codeName: "UNKNOWN" });
        return Promise.resolve({
          brokers: [],
          topics: [{ topic: asked, error, partitions: [] }],
        });
      },
    },
    producer: {},
    consumer: {},
  });
  const store: Pick<StateStore, "follow" | "read"> = {
    read: () => {
      const kind = world.topic.secondary === "yes" ? "read" : "failed";
      return Promise.resolve(
        { newest: world.newest, secondary: { kind } } as Copies,
      );
    },
    async *follow() {
      yield* world.later;
    },
  };
  const parts = {
    clusters: {
      primary: reached("primary"),
      secondary: reached("secondary"),
    },
    store,
    log: createLog({ level: "info", write: (line) => lines.push(line) }),
  } as unknown as StatesParts;
  const ended = (async () => {
    for await (const state of statesOf(parts, stop.signal)) taken.push(state);
  })();
  return { ended, lines, stop, taken, world };
}

Deno.test("the newest state there is comes first, then those that follow", async () => {
  const it = following({ primary: "no", secondary: "yes" });
  it.world.newest = { ...FIRST, epoch: 5 };
  it.world.later = [{ ...FIRST, epoch: 6 }];
  await it.ended;
  assert.deepEqual(it.taken.map(({ epoch }) => epoch), [5, 6]);
});

Deno.test("while there is none that is said once, and looked for on and on", async () => {
  using clock = fakeClock();
  const it = following({ primary: "no", secondary: "no" });
  await turns();
  assert.deepEqual(it.taken, [NO_STATE]);
  await clock.tick(10_000);
  assert.deepEqual(it.taken, [NO_STATE]);
  assert.deepEqual(it.lines, []);
  // Topics are there before there is a state in them.
  it.world.topic = { primary: "yes", secondary: "yes" };
  await clock.tick(2_000);
  assert.deepEqual(it.taken, [NO_STATE]);
  it.world.newest = FIRST;
  await clock.tick(2_000);
  await it.ended;
  assert.deepEqual(it.taken, [NO_STATE, FIRST, FIRST]);
});

Deno.test("a secondary that stays silent does not keep the primary's copy from counting for ever, and is named", async () => {
  using clock = fakeClock();
  const it = following({ primary: "yes", secondary: "silence" });
  it.world.newest = FIRST;
  await clock.tick(9_500);
  assert.deepEqual(it.taken, []);
  await clock.tick(1_000);
  await it.ended;
  assert.equal(it.taken[0], FIRST);
  assert.deepEqual(
    it.lines.map(({ message }) => message),
    [
      "the state on secondary cannot be read",
      "waits for the secondary to say which cluster is active",
    ],
  );
});

Deno.test("a primary that has no state is worked on only after the silence of the secondary", async () => {
  using clock = fakeClock();
  const it = following({ primary: "no", secondary: "silence" });
  await clock.tick(9_500);
  assert.deepEqual(it.taken, []);
  await clock.tick(1_000);
  assert.deepEqual(it.taken, [NO_STATE]);
  it.stop.abort(new Error("over"));
  await it.ended;
});

Deno.test("a stale copy is not taken when the secondary answers late", async () => {
  using clock = fakeClock();
  const it = following({ primary: "yes", secondary: "silence" });
  it.world.newest = FIRST;
  await clock.tick(5_000);
  it.world.topic.secondary = "yes";
  it.world.newest = { ...FIRST, epoch: 9, active: "secondary" };
  it.world.later = [];
  await clock.tick(1_000);
  await it.ended;
  assert.deepEqual(it.taken.map(({ epoch }) => epoch), [9]);
});

Deno.test("it ends when it is told to", async () => {
  using clock = fakeClock();
  const it = following({ primary: "no", secondary: "no" });
  await turns();
  it.stop.abort(new Error("over"));
  await it.ended;
  assert.equal(clock.timers, 0);
});
