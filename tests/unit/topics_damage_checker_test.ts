import assert from "node:assert/strict";
import {
  DamageChecker,
  type DamageRule,
  type Examinee,
} from "../../dr/topics/mod.ts";
import {
  ErrorCode,
  KafkaError,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import { refused, Source } from "./support_source.ts";

const SIGNAL = new AbortController().signal;

const tpOf = (topic: string): TopicPartition => ({ topic, partition: 0 });

const recorded = (topic: string, fields: Partial<Examinee> = {}): Examinee => ({
  ...tpOf(topic),
  topicId: "first",
  position: 10,
  leaderEpoch: 0,
  ...fields,
});

function checkerOf(source: Source, rules: readonly DamageRule[] = []) {
  const lines: LogLine[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(line) });
  const checker = new DamageChecker({
    admin: source.admin,
    log,
    rules,
    confirmAfterMs: 0,
    now: () => 1234,
  });
  return { checker, lines };
}

Deno.test("only topics that are not the known ones are named", async () => {
  const source = new Source();
  source.add("same", "first", { start: 0, end: 10, epoch: 0 });
  source.add("other", "second", { start: 0, end: 10, epoch: 0 });
  source.ids.set("hidden", refused(ErrorCode.topicAuthorizationFailed));
  const { checker } = checkerOf(source);
  const topics = ["same", "other", "gone", "hidden"]
    .map((topic) => ({ topic, topicId: "first" }));

  const changed = await checker.verify(topics, SIGNAL);

  assert.deepEqual(changed.map(({ topic, found }) => [topic, found.kind]), [
    ["other", "present"],
    ["gone", "absent"],
    ["hidden", "unknown"],
  ]);
  assert.equal(source.asked.length, 1);
});

Deno.test("verifying without topics asks nothing", async () => {
  const source = new Source();
  assert.deepEqual(await checkerOf(source).checker.verify([], SIGNAL), []);
  assert.deepEqual(source.asked, []);
});

Deno.test("lanes that verify together share requests", async () => {
  const source = new Source();
  source.add("a", "first", { start: 0, end: 0, epoch: 0 });
  source.add("b", "second", { start: 0, end: 0, epoch: 0 });
  const { checker } = checkerOf(source);

  const [first, second] = await Promise.all([
    checker.verify([{ topic: "a", topicId: "first" }], SIGNAL),
    checker.verify([{ topic: "b", topicId: "first" }], SIGNAL),
  ]);

  assert.deepEqual(source.asked, [["a", "b"]]);
  assert.deepEqual(first, []);
  assert.deepEqual(second.map(({ topic }) => topic), ["b"]);
});

Deno.test("a source that does not answer says nothing of its topics", async () => {
  const source = new Source();
  source.failure = refused(ErrorCode.timedOut);
  const { checker } = checkerOf(source);
  await assert.rejects(
    checker.verify([{ topic: "a", topicId: "first" }], SIGNAL),
    KafkaError,
  );
});

Deno.test("a caller that gives up takes no answer from the others", async () => {
  const source = new Source();
  source.add("a", "first", { start: 0, end: 0, epoch: 0 });
  const { checker } = checkerOf(source);
  const aborted = new AbortController();
  const topics = [{ topic: "a", topicId: "first" }];

  const given = checker.verify(topics, aborted.signal);
  const other = checker.verify(topics, SIGNAL);
  aborted.abort(new Error("given up"));

  await assert.rejects(given, /given up/);
  assert.deepEqual(await other, []);
});

Deno.test("a damage is logged once, with what is lost and what is done, and stays in the status", async () => {
  const source = new Source();
  source.add("orders", "first", { start: 14, end: 20, epoch: 0 });
  const { checker, lines } = checkerOf(source, [
    { topics: /orders/, policy: "restart" },
  ]);
  const remedy = {
    kind: "restart",
    topicId: "first",
    position: 14,
    leaderEpoch: null,
  };
  const damage = {
    kind: "overtaken",
    lost: { from: 10, to: 14 },
    restartAt: 14,
  };

  const [finding] = await checker.examine([recorded("orders")], SIGNAL);
  await checker.examine([recorded("orders")], SIGNAL);

  assert.deepEqual(finding, {
    tp: tpOf("orders"),
    kind: "damaged",
    damage,
    remedy,
  });
  assert.deepEqual(lines.map(({ level, fields }) => [level, fields]), [
    ["error", {
      ...tpOf("orders"),
      topicId: "first",
      position: 10,
      damage,
      policy: "restart",
      remedy,
    }],
  ]);
  assert.deepEqual(checker.reports, [{
    ...tpOf("orders"),
    topicId: "first",
    position: 10,
    damage,
    policy: "restart",
    remedy,
    atMs: 1234,
  }]);
  const again = recorded("orders", { position: 14, leaderEpoch: null });
  const [sound] = await checker.examine([again], SIGNAL);
  assert.equal(sound!.kind, "sound");
});

Deno.test("a partition that stopped stays damaged though its log looks sound again", async () => {
  const source = new Source();
  source.add("orders", "first", { start: 0, end: 7, epoch: 1 });
  const { checker, lines } = checkerOf(source);
  await checker.examine([recorded("orders")], SIGNAL);

  source.logs.get("orders")!.end = 50;
  const [finding] = await checker.examine([recorded("orders")], SIGNAL);

  assert.equal(finding!.kind, "damaged");
  assert.equal(lines.length, 1);
});

Deno.test("a partition that goes on from where it was is sound again", async () => {
  const source = new Source();
  source.add("orders", "first", { start: 0, end: 50, epoch: 0 });
  const { checker } = checkerOf(source, [{ topics: /.*/, policy: "restart" }]);
  const evidence = { kind: "outOfRange" } as const;

  const refused = recorded("orders", { evidence });
  const [damaged] = await checker.examine([refused], SIGNAL);
  const [again] = await checker.examine([recorded("orders")], SIGNAL);

  assert.equal(damaged!.kind, "damaged");
  assert.equal(again!.kind, "sound");
});

Deno.test("a damage that the second look does not see is none", async () => {
  const source = new Source();
  source.add("orders", "first", { start: 0, end: 7, epoch: 0 });
  source.afterLook = () => source.logs.get("orders")!.end = 10;
  const { checker, lines } = checkerOf(source);

  const [finding] = await checker.examine([recorded("orders")], SIGNAL);

  assert.equal(finding!.kind, "sound");
  assert.deepEqual(lines, []);
});

Deno.test("two looks that see different damages decide nothing yet", async () => {
  const source = new Source();
  source.afterLook = () =>
    source.add("orders", "second", { start: 0, end: 0, epoch: 0 });
  const { checker, lines } = checkerOf(source);

  const [finding] = await checker.examine([recorded("orders")], SIGNAL);
  assert.equal(finding!.kind, "unknown");
  assert.deepEqual(lines.map(({ level }) => level), ["warn"]);

  const [later] = await checker.examine([recorded("orders")], SIGNAL);
  assert.equal(later!.kind === "damaged" && later!.damage.kind, "recreated");
});

Deno.test("offsets of a topic that was created anew meanwhile are not taken for those of the old one", async () => {
  const source = new Source();
  source.add("orders", "first", { start: 0, end: 10, epoch: 0 });
  source.beforeOffsets = () =>
    source.add("orders", "second", { start: 0, end: 2, epoch: 0 });
  const { checker } = checkerOf(source);
  const [finding] = await checker.examine([recorded("orders")], SIGNAL);
  assert.equal(
    finding!.kind === "damaged" && finding!.damage.kind,
    "recreated",
  );
});

Deno.test("where offsets are refused a partition is not judged, and where nobody answers nothing is", async () => {
  const source = new Source();
  source.add("orders", "first", { start: 0, end: 10, epoch: 0 });
  const { checker, lines } = checkerOf(source);
  source.logs.clear();
  const [unread] = await checker.examine([recorded("orders")], SIGNAL);
  assert.equal(unread!.kind, "unknown");

  const fail = (code: number) => () => {
    throw refused(code);
  };
  source.beforeOffsets = fail(ErrorCode.topicAuthorizationFailed);
  const [refusedAll] = await checker.examine([recorded("orders")], SIGNAL);
  assert.equal(refusedAll!.kind, "unknown");
  assert.deepEqual(lines.map(({ level }) => level), ["warn", "warn"]);

  source.beforeOffsets = fail(ErrorCode.timedOut);
  await assert.rejects(
    checker.examine([recorded("orders")], SIGNAL),
    KafkaError,
  );
});

Deno.test("an id that was replaced is believed from no broker any more", async () => {
  const source = new Source();
  source.add("orders", "second", { start: 0, end: 3, epoch: 0 });
  const { checker } = checkerOf(source, [{ topics: /.*/, policy: "restart" }]);
  await checker.examine([recorded("orders")], SIGNAL);

  source.ids.set("orders", "first"); // a broker that is behind
  for (const topicId of ["first", "second"]) {
    const known = [{ topic: "orders", topicId }];
    const [changed] = await checker.verify(known, SIGNAL);
    assert.equal(changed!.found.kind, "unknown");
  }
  const now = recorded("orders", { topicId: "second", position: 3 });
  const [finding] = await checker.examine([now], SIGNAL);
  assert.equal(finding!.kind, "unknown");
});

Deno.test("partitions of a broker that is down are one line of the log", async () => {
  const source = new Source();
  const { checker, lines } = checkerOf(source);
  const topics = Array.from({ length: 100 }, (_, at) => `topic-${at}`);
  for (const topic of topics) source.ids.set(topic, "first");

  await checker.examine(topics.map((topic) => recorded(topic)), SIGNAL);

  assert.deepEqual(lines.map(({ level, fields }) => [level, fields["count"]]), [
    ["warn", 100],
  ]);
});

Deno.test("a damage that its reader does not believe is neither told nor reported", async () => {
  const source = new Source();
  source.add("moving", "first", { start: 14, end: 20, epoch: 0 });
  source.add("standing", "first", { start: 14, end: 20, epoch: 0 });
  const { checker, lines } = checkerOf(source);

  const findings = await checker.examine(
    [recorded("moving"), recorded("standing")],
    SIGNAL,
    ({ topic }) => topic === "standing",
  );

  assert.deepEqual(findings.map(({ kind }) => kind), ["unknown", "damaged"]);
  assert.deepEqual(checker.reports.map(({ topic }) => topic), ["standing"]);
  assert.deepEqual(lines.map(({ level }) => level), ["error"]);
});

Deno.test("a reader that has moved between the two looks is not damaged", async () => {
  const source = new Source();
  source.add("orders", "first", { start: 14, end: 20, epoch: 0 });
  const { checker, lines } = checkerOf(source);
  let looks = 0;

  const [finding] = await checker.examine(
    [recorded("orders")],
    SIGNAL,
    () => ++looks === 1,
  );

  assert.equal(looks, 2);
  assert.equal(finding!.kind, "unknown");
  assert.deepEqual(lines, []);
});

Deno.test("a leader that was replaced is not believed, though its log lacks what was read", async () => {
  const source = new Source();
  source.add("orders", "first", { start: 0, end: 10, epoch: 3 });
  const { checker } = checkerOf(source);
  const asked = recorded("orders", { leaderEpoch: null });
  assert.equal((await checker.examine([asked], SIGNAL))[0]!.kind, "sound");

  source.logs.set("orders", { start: 0, end: 7, epoch: 2 });
  assert.equal((await checker.examine([asked], SIGNAL))[0]!.kind, "unknown");

  source.logs.set("orders", { start: 0, end: 7, epoch: 4 });
  assert.equal((await checker.examine([asked], SIGNAL))[0]!.kind, "damaged");
});

Deno.test("findings come in the order of the partitions, damaged or not", async () => {
  const source = new Source();
  source.add("a", "first", { start: 0, end: 10, epoch: 0 });
  source.add("b", "second", { start: 0, end: 10, epoch: 0 });
  source.add("c", "first", { start: 0, end: 10, epoch: 0 });
  source.add("d", "first", { start: 0, end: 9, epoch: 0 });
  const { checker } = checkerOf(source);
  const findings = await checker.examine(
    ["d", "a", "b", "c"].map((topic) => recorded(topic)),
    SIGNAL,
  );
  assert.deepEqual(
    findings.map(({ tp, kind }) => [tp.topic, kind]),
    [["d", "damaged"], ["a", "sound"], ["b", "damaged"], ["c", "sound"]],
  );
});

Deno.test("an examination ends at once when its signal aborts", async () => {
  const source = new Source();
  const log = createLog({ level: "error", write: () => {} });
  const checker = new DamageChecker({
    admin: source.admin,
    log,
    rules: [],
    confirmAfterMs: 1_000_000,
  });
  const stop = new AbortController();
  const examined = checker.examine([recorded("orders")], stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(examined, /stopped/);
});
