/** Handlers of every kind, and a sink that knows what is there already. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCoordinates } from "../../src/pool/coordinates.ts";
import type { DoneOutputs } from "../../src/pool/done_outputs.ts";
import { WorkerPage } from "../../src/pool/page.ts";
import type { Ordering } from "../../src/pool/protocol.ts";
import { type Output, RejectError } from "../../workers/processor.ts";
import { acknowledged } from "./support_sinks.ts";
import { streamInto, type StreamOptions } from "./support_stream.ts";
import { TOPIC, turn } from "./support_worker_fakes.ts";

/** What the test knows of an input beside its offset. */
interface Known {
  readonly key: string | null;
  /** Null: it is rejected. */
  readonly outputs: number | null;
  /** Attempts that fail before. */
  readonly failures: number;
  /** The handler ends at once. */
  readonly isSync: boolean;
  /** Ordinals that are there already. */
  readonly done: readonly number[];
}

const known = fc.record<Known>({
  key: fc.constantFrom("a", "b", null),
  outputs: fc.option(fc.nat(3)),
  failures: fc.nat(1),
  isSync: fc.boolean(),
  done: fc.uniqueArray(fc.nat(2), { maxLength: 3 }),
});

/** Those that an input without an answer has are letters, there whole. */
const doneOf = (inputs: readonly Known[], isCounted: boolean): DoneOutputs =>
  inputs.flatMap(({ done, outputs }, offset) =>
    done.length === 0 ? [] : [{
      topic: TOPIC,
      topicId: "t",
      partition: 0,
      output: outputs === null ? "dead" : "out",
      count: isCounted ? outputs ?? 1 : 0,
      outputs: [[offset, ...done] as const],
    }]
  );

/** What is to come of all inputs: `offset ordinal/count`. */
const missing = (inputs: readonly Known[]) =>
  inputs.flatMap(({ outputs, done }, offset) => {
    if (outputs === null) return done.length === 0 ? [`${offset} 0/1`] : [];
    const count = outputs;
    return Array.from({ length: count }, (_, ordinal) => ordinal)
      .filter((ordinal) => !done.includes(ordinal))
      .map((ordinal) => `${offset} ${ordinal}/${count}`);
  });

const textOf = (value: Uint8Array | string | null) =>
  typeof value === "string" ? value : "";

function worker(
  inputs: readonly Known[],
  processor: Parameters<typeof streamInto>[0],
  options: StreamOptions,
) {
  const it = acknowledged({
    coordinates: { clusterId: "c", topicIds: { [TOPIC]: "t" } },
    deadLetterTopic: "dead",
    delayTopics: [],
    done: doneOf(inputs, "process" in processor),
    groupId: "group",
  });
  it.settlement.release(0); // of the support, which nobody needs here
  it.settlement.takeReleased();
  const page = new WorkerPage(it.view.memory);
  const parts = { page, settlement: it.settlement, sink: it.sink };
  const rest = streamInto(processor, parts, options);
  const places = () =>
    it.outbox.sent.map(({ record }) => {
      const text = textOf(record.headers!.at(-1)!.value);
      const { offset, ordinal, count } = parseCoordinates(text)!;
      assert.equal(
        record.topic,
        inputs[offset]!.outputs === null ? "dead" : "out",
      );
      return `${offset} ${ordinal}/${count}`;
    });
  return { ...it, ...rest, places };
}

Deno.test("whatever fails first, and in any order of endings, exactly what is missing of each input is sent", async () => {
  const cases = fc.record({
    ordering: fc.constantFrom<Ordering>("partition", "key", "none"),
    inputs: fc.array(known, { minLength: 1, maxLength: 12 }),
    picks: fc.infiniteStream(fc.nat()),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ ordering, inputs, picks }) => {
      const running: (() => void)[] = [];
      const it = worker(inputs, {
        process({ offset }, { attempt }) {
          const { outputs, failures, isSync } = inputs[offset]!;
          const answer = (): Output[] => {
            if (attempt <= failures) throw new Error("not yet");
            if (outputs === null) throw new RejectError("never");
            return Array.from({ length: outputs }, () => ({ value: "" }));
          };
          if (isSync) return answer();
          return new Promise<Output[]>((resolve, reject) =>
            running.push(() => {
              try {
                resolve(answer());
              } catch (error) {
                reject(error);
              }
            })
          );
        },
      }, { ordering, retry: { attempts: 3, backoffMs: 0 } });
      it.handle(inputs.map(({ key }, offset) => ({ lane: 0, offset, key })));
      for (let rests = 0; rests < 4 * inputs.length; rests++) {
        await new Promise((resolve) => setTimeout(resolve)); // waits of 0 ms
        await turn();
        while (running.length > 0) {
          running.splice(picks.next().value! % running.length, 1)[0]!();
          await turn();
        }
      }
      it.sink.flush();
      assert.deepEqual(it.places().sort(), missing(inputs).sort());
      it.outbox.report();
      assert.equal(it.settlement.idle, true);
      assert.deepEqual(it.crashes, []);
    }),
    { numRuns: 60 },
  );
});

Deno.test("a batch processor's outputs are numbered for each input, and nobody says how many there are", () => {
  const inputs: Known[] = [3, 1, 2].map((outputs) => ({
    key: null,
    outputs,
    failures: 0,
    isSync: true,
    done: outputs === 3 ? [1] : [],
  }));
  const it = worker(inputs, {
    processBatch(batch, { emit }) {
      // In turns, not one input after the other.
      for (let ordinal = 0; ordinal < 3; ordinal++) {
        for (let index = 0; index < batch.count; index++) {
          if (ordinal < inputs[index]!.outputs!) {
            emit(index, { value: `${ordinal}` });
          }
        }
      }
    },
  }, {});
  it.handle(inputs.map((_, offset) => ({ lane: 0, offset })));
  it.sink.flush();
  assert.deepEqual(it.places(), ["0 0/0", "1 0/0", "2 0/0", "2 1/0", "0 2/0"]);
  assert.deepEqual(it.outbox.sent.map(({ record }) => record.value), [
    "0",
    "0",
    "0",
    "1",
    "2",
  ]);
});
