/** Who waits for whom, by the ordering, while handlers take their time. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Ordering } from "../../src/pool/protocol.ts";
import type { Output } from "../../workers/processor.ts";
import { fakeClock } from "./support_clock.ts";
import { stream } from "./support_stream.ts";
import {
  batchOf,
  type FakeRecord,
  TOPIC,
  turn,
} from "./support_worker_fakes.ts";

/** What the test knows of a record beside its place. */
interface Known {
  readonly key: string | null;
  readonly lane: number;
  /** The handler ends at once. */
  readonly isSync: boolean;
  /** Attempts that fail. */
  readonly failures: number;
}

const known = fc.record<Known>({
  key: fc.constantFrom("a", "b", "c", "", null),
  lane: fc.nat(1),
  isSync: fc.boolean(),
  failures: fc.nat(2),
});

const lineOf = (ordering: Ordering, { lane, key }: Known) =>
  ordering === "partition"
    ? `${lane}`
    : ordering === "key" && key !== null
    ? `${lane}/${key}`
    : null;

/** Handlers, of which those that do not end at once end when they are picked. */
function picked(ordering: Ordering, concurrency: number) {
  const records: Known[] = [];
  const running: { readonly offset: number; readonly end: () => void }[] = [];
  const worker = stream({
    process({ offset }, { attempt }) {
      const { isSync, failures } = records[offset]!;
      const fails = attempt <= failures;
      const output: Output = { value: `${offset}` };
      if (isSync) {
        if (fails) throw new Error("no");
        return output;
      }
      return new Promise<Output>((resolve, reject) => {
        const handler = {
          offset,
          end() {
            running.splice(running.indexOf(handler), 1);
            if (fails) reject(new Error("no"));
            else resolve(output);
          },
        };
        running.push(handler);
      });
    },
  }, {
    ordering,
    limits: { concurrency },
    retry: { attempts: 5, backoffMs: 0 },
  });
  const handle = (batch: readonly Known[]) => {
    worker.handle(batch.map((each): FakeRecord => {
      records.push(each);
      return { lane: each.lane, key: each.key, offset: records.length - 1 };
    }));
    worker.sink.flush(); // as the loop does
  };
  /** Lets waits of 0 ms end. */
  const rest = async () => {
    await new Promise((resolve) => setTimeout(resolve));
    await turn();
  };
  return { ...worker, handle, running, records, rest };
}

const cases = fc.record({
  ordering: fc.constantFrom<Ordering>("partition", "key", "none"),
  concurrency: fc.integer({ min: 1, max: 5 }),
  batches: fc.array(fc.array(known, { minLength: 1, maxLength: 10 }), {
    minLength: 1,
    maxLength: 4,
  }),
  picks: fc.infiniteStream(fc.nat()),
});

Deno.test("in any order of endings, and whatever fails, the outputs of a line are sent in the order of its inputs, once each", async () => {
  await fc.assert(
    fc.asyncProperty(
      cases,
      async ({ ordering, concurrency, batches, picks }) => {
        const worker = picked(ordering, concurrency);
        const { running, records, sink, settlement, crashes } = worker;
        const pick = (count: number) => picks.next().value! % count;
        const endOne = async () => {
          running[pick(running.length)]!.end();
          await turn();
          const lines = running.map(({ offset }) =>
            lineOf(ordering, records[offset]!)
          ).filter((line) => line !== null);
          assert.equal(new Set(lines).size, lines.length, "one of a line");
          assert.ok(running.length <= concurrency);
        };
        for (const batch of batches) {
          worker.handle(batch);
          for (let ends = pick(4); ends > 0 && running.length > 0; ends--) {
            await endOne();
          }
        }
        while (sink.outputs.length < records.length) {
          await worker.rest();
          while (running.length > 0) await endOne();
        }
        await worker.rest();
        assert.equal(sink.flushed, records.length, "sent");
        const lines = Map.groupBy(
          sink.outputs.map(({ offset }) => offset),
          (offset) => lineOf(ordering, records[offset]!),
        );
        for (const [line, offsets] of lines) {
          if (line === null) continue;
          assert.deepEqual(offsets, offsets.toSorted((a, b) => a - b));
        }
        sink.acknowledge();
        assert.equal(settlement.idle, true);
        assert.deepEqual(crashes, []);
      },
    ),
    { numRuns: 60 },
  );
});

const slow = (key: string | null, lane = 0): Known => ({
  key,
  lane,
  isSync: false,
  failures: 0,
});

for (
  const [ordering, expected] of [
    ["partition", [0, 5]],
    ["key", [0, 1, 3, 4, 5]],
    ["none", [0, 1, 2, 3, 4, 5]],
  ] as const
) {
  Deno.test(`with the ordering ${ordering} as many run side by side as it lets`, () => {
    using _ = fakeClock();
    const { handle, running } = picked(ordering, 10);
    const keys = ["a", "b", "a", null, null];
    handle([...keys.map((key) => slow(key)), slow("a", 1)]);
    assert.deepEqual(running.map(({ offset }) => offset), expected);
  });
}

Deno.test("with any ordering no more run side by side than may", async () => {
  using _ = fakeClock();
  for (const ordering of ["key", "none"] as const) {
    const { handle, running } = picked(ordering, 2);
    handle([slow("a"), slow("b"), slow("c"), slow("d")]);
    assert.deepEqual(running.map(({ offset }) => offset), [0, 1]);
    running[0]!.end();
    await turn();
    assert.deepEqual(running.map(({ offset }) => offset), [1, 2]);
  }
});

Deno.test("no key is read while no handler is under way", () => {
  using _ = fakeClock();
  const never = new Promise<void>(() => {});
  const { kind, settlement, handle } = stream({
    process: ({ offset }) => offset === 9 ? never : { value: "x" },
  }, { ordering: "key" });
  handle([]);
  settlement.own({
    tp: { topic: TOPIC, partition: 0 },
    epoch: 1,
    next: 0,
    beyond: [],
  });
  let reads = 0;
  const fetched = (...offsets: number[]) => {
    const batch = batchOf(offsets.map((offset) => ({ lane: 0, offset })));
    batch.keyIdentity = () => `${reads++}`;
    kind.handle(settlement.open(batch));
  };
  fetched(1, 2, 3);
  assert.equal(reads, 0);
  fetched(9, 10, 11);
  assert.equal(reads, 3);
  kind.abort();
});
