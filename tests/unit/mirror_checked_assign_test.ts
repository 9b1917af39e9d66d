/** What a consumer is asked for when partitions with known leader epochs begin. */
import assert from "node:assert/strict";
import {
  assignChecked,
  type CheckedStart,
} from "../../dr/mirror/checked_assign.ts";
import {
  KafkaError,
  type PartitionOffset,
  type TopicPartition,
} from "../../src/kafka/mod.ts";

/** librdkafka's `_STATE` and `_UNKNOWN_PARTITION`. */
const STATE = -172;
const UNKNOWN_PARTITION = -190;

const at = (
  partition: number,
  offset: number,
  leaderEpoch: number | null,
): CheckedStart => ({ topic: "t", partition, offset, leaderEpoch });

/** @param answers of one seek after the other, by partition; default: none. */
function consumer(...answers: readonly Readonly<Record<number, number>>[]) {
  const calls: string[] = [];
  let seeks = 0;
  const said = (call: string) => (partitions: readonly TopicPartition[]) =>
    void calls.push(
      `${call} ${partitions.map(({ partition }) => partition).join(" ")}`,
    );
  return {
    calls,
    assign: said("assign"),
    pause: said("pause"),
    resume: said("resume"),
    seek(partitions: readonly PartitionOffset[]) {
      said("seek")(partitions);
      const codes = answers[seeks++] ?? {};
      return Promise.resolve(partitions.map(({ topic, partition }) => {
        const code = codes[partition];
        const error = code === undefined
          ? null
          : new KafkaError("refused", { code, codeName: String(code) });
        return {
          topic,
          partition,
          offset: null,
          metadata: "",
          leaderEpoch: null,
          error,
        };
      }));
    },
  };
}

const { signal } = new AbortController();

Deno.test("partitions with a leader epoch are fetched only after they were sought", async () => {
  const fake = consumer();
  const starts = [at(0, 10, 3), at(1, 10, null), at(2, 0, 3), at(3, 1, 0)];
  await assignChecked(fake, starts, signal);
  assert.deepEqual(fake.calls, [
    "assign 0 1 2 3",
    "pause 0 3",
    "seek 0 3",
    "resume 0 3",
  ]);
});

Deno.test("without any leader epoch there is nothing to compare", async () => {
  const fake = consumer();
  await assignChecked(fake, [at(0, 10, null)], signal);
  assert.deepEqual(fake.calls, ["assign 0"]);
});

Deno.test("partitions that have not begun yet are sought again", async () => {
  const fake = consumer({ 0: STATE, 1: STATE }, { 1: STATE });
  await assignChecked(fake, [at(0, 5, 1), at(1, 5, 1), at(2, 5, 1)], signal);
  assert.deepEqual(fake.calls, [
    "assign 0 1 2",
    "pause 0 1 2",
    "seek 0 1 2",
    "seek 0 1",
    "seek 1",
    "resume 0 1 2",
  ]);
});

Deno.test("whatever ends the seeking, nothing stays paused", async () => {
  const fake = consumer({ 0: UNKNOWN_PARTITION });
  await assert.rejects(assignChecked(fake, [at(0, 5, 1)], signal), KafkaError);
  assert.equal(fake.calls.at(-1), "resume 0");

  const stop = new AbortController();
  const never = consumer(...Array.from({ length: 100 }, () => ({ 0: STATE })));
  const waiting = assignChecked(never, [at(0, 5, 1)], stop.signal);
  stop.abort(new Error("it ends"));
  await assert.rejects(waiting, /it ends/);
  assert.equal(never.calls.at(-1), "resume 0");
});
