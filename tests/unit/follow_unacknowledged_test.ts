import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type OnSwitch,
  type RecordPlace,
  Unacknowledged,
} from "../../dr/follow/unacknowledged.ts";
import { FollowError } from "../../dr/follow/errors.ts";

const LEFT = new FollowError("unacknowledged", "left");
const place = (offset: number): RecordPlace => ({
  cluster: "primary",
  epoch: 1,
  offset,
});
const records = (...values: string[]) =>
  values.map((value) => ({ topic: "t", value }));
const valuesOf = (unacknowledged: Unacknowledged) =>
  [...unacknowledged.takeAll()].map(({ record }) => record.value);

/** A client, a cluster and callers, each step decided by chance. */
type Step =
  | { readonly kind: "send"; readonly count: number }
  | {
    readonly kind: "report";
    readonly which: number;
    readonly isRefused: boolean;
  }
  | { readonly kind: "abandon"; readonly which: number }
  | { readonly kind: "leave" }
  | { readonly kind: "begin" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("send" as const),
    count: fc.integer({ min: 1, max: 4 }),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("report" as const),
      which: fc.nat(),
      isRefused: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant("abandon" as const), which: fc.nat() }),
  fc.constant({ kind: "leave" as const }),
  fc.constant({ kind: "begin" as const }),
);

/** What one caller was told, and what was done with its records. */
interface Caller {
  readonly id: number;
  readonly values: readonly string[];
  isAbandoned: boolean;
  ends: number;
  outcome: readonly RecordPlace[] | Error | null;
}

Deno.test("whatever happens, each call has one outcome, clients get records in order, and none that is over", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom<OnSwitch>("resend", "fail"),
      async (steps, mode) => {
        const ledger = new Unacknowledged();
        const callers: Caller[] = [];
        /** Values that are over: acknowledged, refused or given up. */
        const over = new Set<string>();
        const placed = new Set<string>();
        /** With the client, in the order given; null: there is none. */
        let client: { id: number; index: number; value: string }[] | null = [];
        const give = (entries: ReturnType<Unacknowledged["take"]>) => {
          for (const { id, index, record } of entries) {
            const value = record.value as string;
            assert.ok(!over.has(value), `${value} is over`);
            assert.ok(!client!.some((each) => each.value === value));
            client!.push({ id, index, value });
          }
          const given = client!.map(({ value }) => Number(value));
          assert.deepEqual(given, given.toSorted((one, two) => one - two));
        };
        const leave = () => {
          const had = client;
          if (had === null) return;
          client = null;
          const isKept = ({ id }: { readonly id: number }) =>
            mode === "resend" &&
            !callers.find((each) => each.id === id)!.isAbandoned;
          const kept = ledger.left(mode, LEFT);
          assert.equal(kept, had.filter(isKept).length);
          for (const each of had) if (!isKept(each)) over.add(each.value);
        };
        const begin = () => {
          leave();
          client = [];
          give(ledger.takeAll());
        };
        const report = (which: number, isRefused: boolean) => {
          if (client === null || client.length === 0) return;
          const [{ id, index, value }] = client
            .splice(which % client.length, 1) as [typeof client[0]];
          over.add(value);
          if (!isRefused) placed.add(value);
          ledger.reported(id, index, (record) => {
            assert.equal(record.value, value);
            return isRefused ? new Error(value) : place(Number(value));
          });
          // What is over cannot be changed.
          ledger.reported(id, index, () => new Error("again"));
        };
        let sent = 0;
        for (const each of steps) {
          switch (each.kind) {
            case "send": {
              const values = Array.from(
                { length: each.count },
                () => `${sent++}`,
              );
              const caller: Caller = {
                id: 0,
                values,
                isAbandoned: false,
                ends: 0,
                outcome: null,
              };
              const { id, places } = ledger.add(
                records(...values),
                () => caller.ends++,
              );
              Object.assign(caller, { id });
              callers.push(caller);
              places.then(
                (found) => caller.outcome = found,
                (error) => caller.outcome = error,
              );
              if (client !== null) give(ledger.take(id));
              break;
            }
            case "report":
              report(each.which, each.isRefused);
              break;
            case "abandon": {
              const caller = callers[each.which % callers.length];
              if (caller === undefined) break;
              const isWithClient = client?.some(({ id }) => id === caller.id);
              if (!isWithClient) {
                for (const value of caller.values) over.add(value);
              }
              caller.isAbandoned = true;
              ledger.abandon(caller.id);
              break;
            }
            case "leave":
              leave();
              break;
            case "begin":
              begin();
          }
        }
        begin();
        while (client!.length > 0) report(0, false);
        assert.deepEqual(valuesOf(ledger), []);
        await Promise.resolve();
        for (const { ends, isAbandoned, outcome, values } of callers) {
          assert.equal(ends, 1);
          assert.ok(outcome !== null);
          if (isAbandoned) continue;
          const isPlaced = values.every((value) => placed.has(value));
          assert.equal(!(outcome instanceof Error), isPlaced);
          if (outcome instanceof Error) continue;
          assert.deepEqual(
            outcome.map(({ offset }) => `${offset}`),
            values,
          );
        }
      },
    ),
  );
});

Deno.test("what the old cluster has acknowledged is not sent to the new one", async () => {
  const ledger = new Unacknowledged();
  const { id, places } = ledger.add(records("a", "b", "c"), () => {});
  assert.deepEqual(valuesOf(ledger), ["a", "b", "c"]);
  ledger.reported(id, 1, () => place(7));
  assert.equal(ledger.left("resend", LEFT), 2);
  assert.deepEqual(valuesOf(ledger), ["a", "c"]);
  ledger.reported(id, 0, () => place(1));
  ledger.reported(id, 2, () => place(2));
  assert.deepEqual(
    (await places).map(({ offset }) => offset),
    [1, 7, 2],
  );
});

Deno.test("where it is wished for, what the old cluster had fails, and what waited goes to the new one", async () => {
  const ledger = new Unacknowledged();
  const { places } = ledger.add(records("had"), () => {});
  assert.deepEqual(valuesOf(ledger), ["had"]);
  ledger.add(records("waited"), () => {});
  assert.equal(ledger.left("fail", LEFT), 0);
  await assert.rejects(places, LEFT);
  assert.deepEqual(valuesOf(ledger), ["waited"]);
});
