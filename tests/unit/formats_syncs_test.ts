import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addSync,
  observeCommit,
  observeRun,
  type OffsetPair,
  type SyncPlaces,
  type SyncState,
  translateBySyncs,
} from "../../dr/formats/mod.ts";

const run = (upstream: number, downstream: number, length: number) => ({
  upstream,
  downstream,
  length,
});

/** The syncs of runs, one after the other. */
function syncsOf(runs: readonly ReturnType<typeof run>[], lag?: number) {
  let state: SyncState | null = null;
  const syncs: OffsetPair[] = [];
  for (const each of runs) {
    const observed: ReturnType<typeof observeRun> = observeRun(
      state,
      each,
      lag,
    );
    syncs.push(...observed.syncs);
    assert.equal(observed.syncs.count, [...observed.syncs].length);
    assert.deepEqual(observed.syncs.latest, [...observed.syncs].at(-1) ?? null);
    state = observed.state;
  }
  return { state: state!, syncs };
}

const upstreams = (syncs: readonly OffsetPair[]) =>
  syncs.map(({ upstream }) => upstream);

Deno.test("the first record is synced, and then each that lags by more than the limit", () => {
  const { syncs } = syncsOf([run(40, 90, 10)], 3);
  assert.deepEqual(upstreams(syncs), [40, 44, 48]);
  assert.deepEqual(syncs[1], { upstream: 44, downstream: 94 });
  assert.deepEqual(upstreams(syncsOf([run(0, 0, 203)]).syncs), [0, 101, 202]);
});

Deno.test("skipped upstream offsets and a downstream that goes back are synced at once", () => {
  assert.deepEqual(
    upstreams(syncsOf([run(0, 0, 3), run(5, 3, 2), run(7, 1, 2)]).syncs),
    [0, 5, 7],
  );
});

Deno.test("a gap downstream alone is no reason, unless it makes the lag", () => {
  assert.deepEqual(
    upstreams(syncsOf([run(0, 0, 3), run(3, 5, 3), run(6, 101, 1)]).syncs),
    [0, 6],
  );
});

Deno.test("a commit syncs the last record, once, if that was not synced", () => {
  const { state } = syncsOf([run(0, 0, 3)]);
  const committed = observeCommit(state);
  assert.deepEqual(committed.sync, { upstream: 2, downstream: 2 });
  assert.equal(observeCommit(committed.state).sync, null);
  assert.equal(observeCommit(syncsOf([run(0, 0, 1)]).state).sync, null);
});

Deno.test("what a commit wrote does not put off the next sync", () => {
  const { state } = observeCommit(syncsOf([run(0, 0, 3)], 4).state);
  assert.deepEqual([...observeRun(state, run(3, 3, 9), 4).syncs], [
    { upstream: 5, downstream: 5 },
    { upstream: 10, downstream: 10 },
  ]);
});

Deno.test("a run costs what it writes: a billion records make ten million syncs that nobody has to visit", () => {
  const { syncs, state } = observeRun(null, run(5, 5, 10 ** 9));
  assert.equal(syncs.count, Math.ceil(10 ** 9 / 101));
  assert.equal(syncs.latest!.upstream, 5 + (syncs.count - 1) * 101);
  assert.equal(state.syncedDownstream, syncs.latest!.downstream);
});

const runs = fc.array(
  fc.record({
    skipped: fc.oneof(fc.constant(0), fc.integer({ min: -3, max: 3 })),
    marks: fc.oneof(fc.constant(1), fc.integer({ min: -5, max: 9 })),
    length: fc.integer({ min: 1, max: 30 }),
  }),
  { minLength: 1, maxLength: 12 },
).map((steps) => {
  let [upstream, downstream] = [10, 50];
  return steps.map(({ skipped, marks, length }) => {
    const next = run(upstream + skipped, downstream + marks, length);
    [upstream, downstream] = [
      next.upstream + length,
      next.downstream + length,
    ];
    return next;
  });
});

Deno.test("a run makes the same syncs as its records one by one", () => {
  fc.assert(fc.property(runs, fc.integer({ min: 0, max: 12 }), (runs, lag) => {
    const single = runs.flatMap(({ upstream, downstream, length }) =>
      Array.from(
        { length },
        (_, index) => run(upstream + index, downstream + index, 1),
      )
    );
    assert.deepEqual(syncsOf(runs, lag), syncsOf(single, lag));
  }));
});

/** Syncs in ascending order, each record mirrored with a gap now and then. */
const history = fc.array(
  fc.record({
    step: fc.oneof(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 500 }),
    ),
    dropped: fc.nat(2),
  }),
  { minLength: 1, maxLength: 300 },
).map((steps) => {
  let [upstream, downstream] = [0, 0];
  return steps.map(({ step, dropped }) => {
    upstream += step;
    downstream += Math.max(step - dropped, 1);
    return { upstream, downstream };
  });
});

const placesOf = (syncs: readonly OffsetPair[]) =>
  syncs.reduce<SyncPlaces | null>(addSync, null)!;

Deno.test("the latest sync stands first, and places keep to their distances", () => {
  fc.assert(fc.property(history, (syncs) => {
    const places = placesOf(syncs);
    assert.equal(places.length, 64);
    assert.equal(places[0], syncs.at(-1));
    assert.equal(places[63], syncs[0]);
    for (let place = 0; place < 63; place++) {
      const [one, behind] = [places[place]!, places[place + 1]!];
      if (one === behind) continue;
      const distance = one.upstream - behind.upstream;
      assert.ok(distance <= 2 ** place, `${place}: ${distance}`);
      assert.ok(
        distance >= 2 ** Math.max(place - 2, 0),
        `${place}: ${distance}`,
      );
    }
  }));
});

Deno.test("a translation never leaves out a record, and is exact only where a sync says so", () => {
  fc.assert(fc.property(history, fc.nat(60_000), (syncs, offset) => {
    const translation = translateBySyncs(placesOf(syncs), offset);
    if (translation.kind === "none") {
      assert.equal(translation.reason, "ahead");
      assert.ok(offset < syncs[0]!.upstream);
      return;
    }
    const exact = syncs.find(({ upstream }) => upstream === offset);
    if (translation.kind === "exact") {
      assert.equal(translation.downstream, exact!.downstream);
    } else {
      const before = syncs.findLast(({ upstream }) => upstream <= offset)!;
      assert.ok(translation.downstream <= before.downstream + 1);
    }
  }));
});

Deno.test("a sync that goes back makes those before untrue", () => {
  const places = addSync(
    placesOf([
      { upstream: 10, downstream: 10 },
      { upstream: 20, downstream: 20 },
    ]),
    { upstream: 15, downstream: 40 },
  );
  assert.deepEqual(translateBySyncs(places, 10), {
    kind: "none",
    reason: "ahead",
  });
  assert.deepEqual(translateBySyncs(places, 20), {
    kind: "inexact",
    downstream: 41,
  });
});

Deno.test("where no sync is known there is no translation", () => {
  assert.deepEqual(translateBySyncs(null, 5), {
    kind: "none",
    reason: "unknown",
  });
});
