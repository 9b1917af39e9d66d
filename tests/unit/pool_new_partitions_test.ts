import assert from "node:assert/strict";
import {
  type Consumer,
  ErrorCode,
  KafkaError,
  type PartitionAnswer,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { startOffsets } from "../../src/pool/start_offsets.ts";
import { fakeClock } from "./support_clock.ts";

const TP = { topic: "in", partition: 8 };

/** A group without offsets, and a cluster that answers with these in turn. */
function asking(answers: (number | KafkaError)[]) {
  let asked = 0;
  const answer = (
    offset: number | null,
    error: KafkaError | null,
  ): PartitionAnswer => ({
    ...TP,
    offset,
    error,
    metadata: "",
    leaderEpoch: null,
  });
  const consumer = {
    committed: (of: readonly TopicPartition[]) =>
      Promise.resolve(of.map(() => answer(null, null))),
    offsetsForTimes() {
      const next = answers[Math.min(asked++, answers.length - 1)]!;
      return Promise.resolve([
        typeof next === "number" ? answer(next, null) : answer(null, next),
      ]);
    },
  } as unknown as Consumer;
  const abort = new AbortController();
  const starts = startOffsets(
    consumer,
    [TP],
    () => "earliest",
    abort.signal,
  );
  starts.catch(() => {}); // awaited by the test
  return { starts, abort, asked: () => asked };
}

const unknown = new KafkaError("offset for time of in [8]", {
  code: ErrorCode.unknownPartition,
  codeName: "_UNKNOWN_PARTITION",
});

Deno.test("a partition that the client has yet to hear of is asked for again", async () => {
  using clock = fakeClock();
  const it = asking([unknown, unknown, 5]);
  await clock.tick(1000);
  assert.equal((await it.starts)[0]?.next, 5);
  assert.equal(it.asked(), 3);
});

Deno.test("one that stays unknown is an error, not a wait for ever", async () => {
  using clock = fakeClock();
  const it = asking([unknown]);
  await clock.tick(60_000);
  await assert.rejects(it.starts, unknown);
});

Deno.test("leaving ends the wait", async () => {
  using clock = fakeClock();
  const it = asking([unknown]);
  it.abort.abort(new Error("leaving"));
  await clock.tick(1000);
  await assert.rejects(it.starts, /leaving/);
});
