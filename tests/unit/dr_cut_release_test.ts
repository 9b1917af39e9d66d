import assert from "node:assert/strict";
import { KafkaError, type OutputRecord } from "../../src/kafka/mod.ts";
import {
  type Checkpoint,
  CheckpointHistory,
  type Cut,
  cutsTopic,
  CutStore,
  type GroupOffset,
  Releaser,
  type TargetCluster,
} from "../../dr/cut/mod.ts";
import { type CutInWords, cutOf, positionsOf, shifted } from "./support_cut.ts";

const never = new AbortController().signal;
const topic = cutsTopic("primary");

/** A target that remembers what was done to it, in order. */
class Target implements TargetCluster {
  readonly done: string[] = [];
  readonly records: OutputRecord[] = [];
  readonly active = new Set<string>();
  readonly failing = new Set<string>();
  readonly #offsets = new Map<string, GroupOffset[]>();

  activeGroups = () => Promise.resolve(this.active);

  committed(group: string): Promise<GroupOffset[]> {
    this.done.push(`ask ${group}`);
    return Promise.resolve(this.#offsets.get(group) ?? []);
  }

  commit(group: string, offsets: readonly GroupOffset[]) {
    this.done.push(`commit ${group} ${offsets.map(({ offset }) => offset)}`);
    if (this.failing.has(group)) {
      const error = new KafkaError("no", { code: -195, codeName: "TRANSPORT" });
      return Promise.resolve({ kind: "failed" as const, error });
    }
    this.#offsets.set(group, [...offsets]);
    return Promise.resolve({ kind: "committed" as const });
  }

  writeCheckpoints = (checkpoints: readonly Checkpoint[]) => {
    for (const { group, downstream } of checkpoints) {
      this.done.push(`checkpoint ${group} ${downstream}`);
    }
    return Promise.resolve();
  };

  writeCuts = (records: readonly OutputRecord[]) => {
    for (const record of records) {
      this.done.push(
        `${record.value === null ? "delete" : "put"} ${record.key}`,
      );
      this.records.push(record);
    }
    return Promise.resolve();
  };

  /** What a pool would find in the topic of cuts. */
  read(): CutStore {
    const store = new CutStore(topic);
    for (const { key, value } of this.records) {
      store.read(key as string, value as string | null);
    }
    return store;
  }

  taken(): string[] {
    return this.done.splice(0);
  }
}

function releaserOf(target: Target, setsGroupOffsets = true): Releaser {
  return new Releaser({
    target,
    positions: positionsOf({ "in-0": 1_000, "out-0": 50 }),
    translation: shifted(100),
    targetTopic: (name) => `primary.${name}`,
    history: new CheckpointHistory(),
    store: new CutStore(topic),
    writeCheckpoints: target.writeCheckpoints,
    writeCuts: target.writeCuts,
    refreshMs: 1_000,
    setsGroupOffsets,
  });
}

const ends = { "in-0": 1_000, "out-0": 50, "out-1": 0 };
const cutAt = (
  sampledAtMs: number,
  stable: number,
  groups: CutInWords["groups"],
): Cut => cutOf({ sampledAtMs, stable: { "out-0": stable }, ends, groups });

Deno.test("offsets come first, then checkpoints, then S, then which cut the group stands at", async () => {
  const target = new Target();
  await releaserOf(target).release(
    cutAt(7, 30, { g: { "in-0": 5 } }),
    ["g"],
    0,
    never,
  );
  assert.deepEqual(target.taken(), [
    "ask g",
    "commit g 105",
    "checkpoint g 105",
    "put stable/7/0",
    "put released",
  ]);
  const stable = target.read().stableOf("g")!;
  assert.deepEqual(stable.get("primary.out"), [130, null]);
  assert.equal(target.read().stableOf("another"), null);
});

Deno.test("S of a cut stays as long as a group stands at it", async () => {
  const target = new Target();
  const releaser = releaserOf(target);
  const groups = { a: { "in-0": 5 }, b: { "in-0": 5 } };
  await releaser.release(cutAt(1, 10, groups), ["a", "b"], 0, never);
  target.active.add("b");
  await releaser.release(cutAt(2, 20, groups), ["a", "b"], 0, never);
  const store = target.read();
  assert.deepEqual(store.stableOf("a")!.get("primary.out"), [120, null]);
  assert.deepEqual(store.stableOf("b")!.get("primary.out"), [110, null]);
  assert.deepEqual(target.taken().filter((each) => /delete/.test(each)), []);

  target.active.clear();
  await releaser.release(cutAt(3, 30, groups), ["a", "b"], 0, never);
  assert.deepEqual(
    target.taken().filter((each) => /delete/.test(each)),
    ["delete stable/1/0", "delete stable/2/0"],
  );
  assert.deepEqual(target.read().stableOf("b")!.get("primary.out"), [
    130,
    null,
  ]);
});

Deno.test("a group that the source no longer has is forgotten, one that could not be asked is not", async () => {
  const target = new Target();
  const releaser = releaserOf(target);
  const groups = { a: {}, b: {}, c: {} };
  await releaser.release(cutAt(1, 10, groups), ["a", "b", "c"], 0, never);
  const cut = cutAt(2, 20, { a: {} });
  const failed = new Map([["c", "no answer"]]);
  await releaser.release({ ...cut, failed }, ["a"], 0, never);
  const store = target.read();
  assert.equal(store.stableOf("b"), null);
  assert.deepEqual(store.stableOf("c")!.get("primary.out"), [110, null]);
});

Deno.test("where nothing has changed the target is not asked until it is due", async () => {
  const target = new Target();
  const releaser = releaserOf(target);
  const groups = { g: { "in-0": 5 } };
  await releaser.release(cutAt(1, 10, groups), ["g"], 0, never);
  target.taken();
  const { released } = await releaser.release(
    cutAt(2, 20, groups),
    ["g"],
    999,
    never,
  );
  assert.deepEqual(released, ["g"]);
  assert.deepEqual(target.taken().filter((each) => / g/.test(each)), []);
  await releaser.release(cutAt(3, 30, groups), ["g"], 1_000, never);
  assert.deepEqual(target.taken().filter((each) => / g/.test(each)), [
    "ask g",
    "commit g 105",
    "checkpoint g 105",
  ]);
});

Deno.test("a group that cannot be committed is named, stays at its cut, and hinders no other", async () => {
  const target = new Target();
  const releaser = releaserOf(target);
  target.failing.add("a");
  const groups = { a: { "in-0": 5 }, b: { "in-0": 5 } };
  const cut = cutAt(1, 10, groups);
  const { failed, released } = await releaser.release(
    cut,
    ["a", "b"],
    0,
    never,
  );
  assert.deepEqual([...failed], [["a", "no"]]);
  assert.deepEqual(released, ["b"]);
  assert.equal(target.read().stableOf("a"), null);
  assert.ok(!target.done.includes("checkpoint a 105"));
});

Deno.test("without group offsets there are checkpoints alone", async () => {
  const target = new Target();
  await releaserOf(target, false).release(
    cutAt(1, 10, { g: { "in-0": 5 } }),
    ["g"],
    0,
    never,
  );
  assert.deepEqual(
    target.taken().filter((each) => /ask|checkpoint|put|5$/.test(each)),
    ["checkpoint g 105"],
  );
});

Deno.test("S of many partitions comes in parts, and counts with all of them alone", () => {
  const stable = new Map(
    ["a", "b", "c"].map((name) => [name, new Array(12_000).fill(4)]),
  );
  const store = new CutStore(topic);
  const records = store.release("9", stable, ["g"], new Set(["g"]));
  assert.equal(records.length, 4);
  const read = (wanted: readonly OutputRecord[]) => {
    const store = new CutStore(topic);
    store.written(wanted);
    return store.stableOf("g");
  };
  assert.deepEqual([...read(records)!.keys()], ["a", "b", "c"]);
  assert.equal(read(records.slice(1)), null);
  assert.equal(read(records.slice(0, -1)), null);
  for (const { value } of records) {
    assert.ok((value as string).length < 500_000);
  }
});

Deno.test("what is no record of cuts says nothing", () => {
  const store = new CutStore(topic);
  for (
    const [key, value] of [
      ["released", "no json"],
      ["released", '{"cuts":[]}'],
      ["stable/1/0", '{"parts":1,"stable":{"a":["x"]}}'],
      ["stable/1", "{}"],
      ["other", "{}"],
    ] as const
  ) store.read(key, value);
  store.read("released", '{"cuts":{"1":["g"]}}');
  assert.equal(store.stableOf("g"), null);
});
