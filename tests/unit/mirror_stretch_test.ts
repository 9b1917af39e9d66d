/** What is known of a partition that MirrorMaker 2 and we mirror in turns. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addSync,
  encodeOffsetSync,
  type OffsetSync,
  type SyncPlaces,
} from "../../dr/formats/mod.ts";
import { stretchRuns } from "../../dr/mirror/stretch.ts";
import {
  describeStretches,
  type StretchesParts,
} from "../../dr/mirror/stretches.ts";
import { OffsetMap, type Run } from "../../dr/offset_map/mod.ts";
import { ErrorCode, KafkaError } from "../../src/kafka/mod.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import { type Pair, wrongIn } from "./support_offset_model.ts";

const TP = { topic: "orders", partition: 3 };
const TOPIC_ID = "A".repeat(22);

interface Turn {
  readonly isTheirs: boolean;
  /** Of each record: what lies before it on either side, and whether it is synced. */
  readonly records: readonly (readonly [number, number, boolean])[];
  /** Offsets behind the last one that no record has. */
  readonly rest: number;
}

const gap = fc.constantFrom(0, 0, 0, 1, 2);
const turns: fc.Arbitrary<Turn[]> = fc.array(
  fc.record({
    isTheirs: fc.boolean(),
    records: fc.array(fc.tuple(gap, gap, fc.boolean()), { maxLength: 12 }),
    rest: gap,
  }),
  { maxLength: 6 },
);

interface Told {
  readonly map: OffsetMap;
  readonly pairs: readonly Pair[];
  /** Upstream, between which answers need not be exact. */
  readonly unknown: readonly (readonly [number, number])[];
}

/** As the lane's log would tell of it. */
function told(turns: readonly Turn[], mostSyncs = 64): Told {
  const map = new OffsetMap();
  const pairs: Pair[] = [];
  const unknown: [number, number][] = [];
  let syncs: SyncPlaces | null = null;
  let upstream = 0;
  let downstream = 0;
  let isTheirs = false;
  for (const turn of turns) {
    const runs: Run[] = [];
    const begin = upstream;
    if (isTheirs && !turn.isTheirs) {
      const after = map.end(TP);
      // Not even what no record has can be told from theirs.
      unknown.push([after.upstream === 0 ? -1 : after.upstream, begin]);
      runs.push(
        ...stretchRuns({ after, end: begin }, downstream, syncs, mostSyncs),
      );
    }
    for (const [up, down, isSynced] of turn.records) {
      const pair = {
        upstream: upstream + up,
        downstream: downstream + down,
      };
      pairs.push(pair);
      upstream = pair.upstream + 1;
      downstream = pair.downstream + 1;
      if (!turn.isTheirs) runs.push({ ...pair, length: 1 });
      else if (isSynced) syncs = addSync(syncs, pair);
    }
    upstream += turn.rest;
    isTheirs = turn.isTheirs;
    if (isTheirs) continue;
    const position = { topicId: TOPIC_ID, position: upstream };
    map.apply(0, {
      kind: "delta",
      era: 0,
      part: 0,
      parts: 1,
      partitions: [{ ...TP, ...position, leaderEpoch: null, runs }],
    });
  }
  return { map, pairs, unknown };
}

Deno.test("however often the two take turns, what we mirrored translates exactly, and nothing else is called exact that is not", () => {
  fc.assert(fc.property(turns, fc.nat(64), (turns, mostSyncs) => {
    const { map, pairs, unknown } = told(turns, mostSyncs);
    const mirrored = map.position(TP)?.position ?? 0;
    const below = pairs.filter(({ upstream }) => upstream < mirrored);
    if (below.length === 0) return;
    const isKnown = (at: number) =>
      !unknown.some(([from, to]) => from < at && at < to);
    for (let at = 0; at <= mirrored; at++) {
      const answer = map.translate(TP, at)!;
      const mustBeExact = isKnown(at);
      assert.equal(wrongIn(answer, below, at, mustBeExact), null, `at ${at}`);
    }
    const swapped = below.map(({ upstream, downstream }) => ({
      upstream: downstream,
      downstream: upstream,
    }));
    for (let at = 0; at <= below.at(-1)!.downstream + 1; at++) {
      const answer = map.back(TP, at)!;
      assert.equal(wrongIn(answer, swapped, at, false), null, `back ${at}`);
    }
  }));
});

Deno.test("of what MirrorMaker 2 copied only its latest syncs are known, and the others lie no lower than needed", () => {
  const records = (count: number, isSynced: (at: number) => boolean) =>
    Array.from(
      { length: count },
      (_, at) => [0, at === 0 ? 1 : 0, isSynced(at)] as const,
    );
  const never = () => false;
  const { map } = told([
    { isTheirs: false, records: records(10, never), rest: 0 },
    { isTheirs: true, records: records(50, (at) => at % 20 === 5), rest: 2 },
    { isTheirs: false, records: records(4, never), rest: 0 },
  ], 2);
  const at = (upstream: number) => map.translate(TP, upstream)!;
  assert.deepEqual(at(10), { offset: 11, exact: true });
  // The first of three syncs, at 15, was not taken.
  for (const upstream of [11, 16, 34]) {
    const answer = { offset: 11, exact: false, why: "not-known" } as const;
    assert.deepEqual(at(upstream), answer);
  }
  assert.deepEqual(at(35), { offset: 37, exact: true });
  assert.deepEqual(at(36), { offset: 38, exact: true });
  assert.deepEqual(at(54), { offset: 38, exact: false, why: "not-known" });
  assert.deepEqual(at(55), { offset: 57, exact: true });
  assert.deepEqual(at(61), { offset: 58, exact: false, why: "not-known" });
  for (const upstream of [62, 63, 66]) {
    assert.equal(at(upstream).exact, true, `${upstream}`);
  }
});

Deno.test("syncs of other times are left out: of what is known by runs, beyond the position, and of an earlier target", () => {
  const stretch = { after: { upstream: 10, downstream: 20 }, end: 100 };
  const mark = { upstream: 100, downstream: 200, length: 0 };
  const runs = (...pairs: readonly (readonly [number, number])[]) =>
    stretchRuns(
      stretch,
      200,
      pairs.map(([upstream, downstream]) => ({ upstream, downstream })),
      64,
    );
  assert.deepEqual(runs(), [mark]);
  assert.deepEqual(runs([9, 30], [30, 19]), [mark]);
  assert.deepEqual(runs([100, 190], [90, 200]), [mark]);
  assert.deepEqual(runs([90, 120], [80, 120], [70, 119], [10, 20]), [
    ...[[10, 20], [70, 119], [90, 120]].flatMap(([upstream, downstream]) =>
      [0, 1].map((length) => ({ upstream, downstream, length }))
    ),
    mark,
  ]);
});

/** Stretches as they come from partitions, and clusters that answer. */
function described(
  records: readonly (OffsetSync | Error | null)[],
  end: number | KafkaError = 200,
) {
  const lines: LogLine[] = [];
  const parts: StretchesParts = {
    admin: {
      partitions: {
        offsets: (queries: readonly { topic: string; partition: number }[]) =>
          Promise.resolve(queries.map((each) => ({
            ...each,
            offset: typeof end === "number" ? end : null,
            timestampMs: null,
            leaderEpoch: null,
            error: typeof end === "number" ? null : end,
          }))),
      },
    } as unknown as StretchesParts["admin"],
    async *readSyncs() {
      for (const each of records) {
        if (each instanceof Error) throw each;
        yield each === null
          ? { key: new Uint8Array(1), value: new Uint8Array(1) }
          : encodeOffsetSync(each);
      }
    },
    log: createLog({ level: "info", write: (line) => lines.push(line) }),
  };
  const stretches = [0, 1].map((partition) => ({
    topic: "orders",
    partition,
    target: "primary.orders",
    after: { upstream: 0, downstream: 0 },
    end: 100,
  }));
  const { signal } = new AbortController();
  return { lines, runs: () => describeStretches(parts, stretches, signal) };
}

const mark = { upstream: 100, downstream: 200, length: 0 };
const sync = { topic: "orders", partition: 1, upstream: 50, downstream: 70 };

Deno.test("each partition is described by the end of its target and by its own syncs", async () => {
  const other = { ...sync, topic: "others" };
  const [first, second] = await described([other, null, sync]).runs();
  assert.deepEqual(first, [mark]);
  assert.deepEqual(second, [
    { upstream: 50, downstream: 70, length: 0 },
    { upstream: 50, downstream: 70, length: 1 },
    mark,
  ]);
});

Deno.test("syncs that cannot be read are done without, and said", async () => {
  const { lines, runs } = described([sync, new Error("not authorized")]);
  assert.deepEqual(await runs(), [[mark], [mark]]);
  assert.deepEqual(lines.map(({ level }) => level), ["warn", "info"]);
});

Deno.test("without the end of a target nothing is taken over", async () => {
  const code = ErrorCode.topicAuthorizationFailed;
  const error = new KafkaError("no answer", { code, codeName: "" });
  await assert.rejects(described([], error).runs(), error);
});
