import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Evidence,
  evidenceOf,
  isEpochBehind,
  judge,
  type LogState,
  type Observed,
  policyFor,
  type Recorded,
  remedyFor,
  type Verdict,
} from "../../dr/topics/damage.ts";
import { ErrorCode, KafkaError } from "../../src/kafka/mod.ts";

fc.configureGlobal({ numRuns: 1000 });

const RECORDED: Recorded = {
  topic: "orders",
  partition: 1,
  topicId: "first",
  position: 10,
  leaderEpoch: 4,
};

const NOT_ANSWERED = { kind: "unknown", reason: "no leader" } as const;

const seen = (
  log: Partial<Extract<LogState, { kind: "known" }>> | null = {},
  topicId = "first",
): Observed => ({
  identity: { kind: "present", topicId },
  log: log === null
    ? NOT_ANSWERED
    : { kind: "known", start: 0, end: 10, leaderEpoch: 4, ...log },
});

const damageOf = (verdict: Verdict) => {
  assert.equal(verdict.kind, "damaged");
  return verdict.kind === "damaged" ? verdict.damage : assert.fail();
};

Deno.test("a log that has all that was read, and nothing else before, is sound", () => {
  for (const log of [{}, { end: 99 }, { start: 10 }, { leaderEpoch: 7 }]) {
    assert.equal(judge(RECORDED, seen(log)).kind, "sound");
  }
});

Deno.test("another topic id is a re-created topic, whatever its log is like", () => {
  for (const log of [null, { end: 2 }, { end: 99 }, { start: 50, end: 60 }]) {
    assert.deepEqual(damageOf(judge(RECORDED, seen(log, "second"))), {
      kind: "recreated",
      topicId: "second",
      lost: { from: 10, to: null },
    });
  }
});

Deno.test("a topic that is not there was deleted", () => {
  const absent: Observed = { identity: { kind: "absent" }, log: NOT_ANSWERED };
  assert.deepEqual(damageOf(judge(RECORDED, absent)), {
    kind: "deleted",
    lost: { from: 10, to: null },
  });
});

Deno.test("an end below the position is a truncated log, and under a newer leader an unclean election", () => {
  assert.deepEqual(damageOf(judge(RECORDED, seen({ end: 6 }))), {
    kind: "truncated",
    lost: { from: 6, to: 10 },
    restartAt: 6,
  });
  const elected = { end: 6, leaderEpoch: 5 };
  assert.deepEqual(damageOf(judge(RECORDED, seen(elected))), {
    kind: "uncleanElection",
    lost: { from: 6, to: 10 },
    restartAt: 6,
    leaderEpoch: 5,
  });
  const unknown = { ...RECORDED, leaderEpoch: null };
  assert.equal(damageOf(judge(unknown, seen(elected))).kind, "truncated");
});

Deno.test("a start above the position has overtaken the mirror", () => {
  assert.deepEqual(damageOf(judge(RECORDED, seen({ start: 13, end: 20 }))), {
    kind: "overtaken",
    lost: { from: 10, to: 13 },
    restartAt: 13,
  });
});

Deno.test("what cannot be known is neither sound nor damaged", () => {
  const reason = "not authorized";
  const cases: readonly Observed[] = [
    { identity: { kind: "unknown", reason }, log: NOT_ANSWERED },
    seen(null),
    // Of a leader that was replaced: its log may lack what the next one had.
    seen({ end: 3, leaderEpoch: 3 }),
  ];
  for (const each of cases) assert.equal(judge(RECORDED, each).kind, "unknown");
});

Deno.test("a truncated log that has grown past the position is told by what the fetch said", () => {
  const grown = seen({ end: 30, leaderEpoch: 5 });
  assert.equal(judge(RECORDED, grown).kind, "sound");
  const cases: readonly [Evidence, number | null, number][] = [
    [{ kind: "truncationReported", endOffset: 7 }, 7, 7],
    [{ kind: "truncationReported", endOffset: null }, null, 10],
    [{ kind: "epochWentDown", offset: 10 }, null, 10],
    [{ kind: "outOfRange" }, null, 10],
  ];
  for (const [evidence, from, restartAt] of cases) {
    assert.deepEqual(damageOf(judge(RECORDED, grown, evidence)), {
      kind: "uncleanElection",
      lost: { from, to: 10 },
      restartAt,
      leaderEpoch: 5,
    });
  }
});

Deno.test("where the log was cut again after the report the lower end counts", () => {
  const verdict = judge(RECORDED, seen({ end: 5, leaderEpoch: 6 }), {
    kind: "truncationReported",
    endOffset: 7,
  });
  assert.deepEqual(damageOf(verdict).lost, { from: 5, to: 10 });
});

Deno.test("after a restart the epoch is kept that the log still shares, so that a second cut shows", () => {
  const restart = (verdict: Verdict) =>
    remedyFor(RECORDED, damageOf(verdict), "restart");
  const fields = { kind: "restart", topicId: "first" };
  assert.deepEqual(restart(judge(RECORDED, seen({ end: 6 }))), {
    ...fields,
    position: 6,
    leaderEpoch: 4,
  });
  // The log begins anew with records of epochs that we have not seen.
  assert.deepEqual(restart(judge(RECORDED, seen({ start: 13, end: 20 }))), {
    ...fields,
    position: 13,
    leaderEpoch: null,
  });
});

Deno.test("after a restart no epoch is kept where nobody knows what the log still shares", () => {
  // Kept, each of its records would seem to come from an older leader again.
  const evidence = { kind: "epochWentDown", offset: 10 } as const;
  const damage = damageOf(judge(RECORDED, seen({ end: 30 }), evidence));
  assert.deepEqual(remedyFor(RECORDED, damage, "restart"), {
    kind: "restart",
    topicId: "first",
    position: 10,
    leaderEpoch: null,
  });
});

Deno.test("out of range below the log's start is no truncation", () => {
  const overtaken = seen({ start: 13, end: 20 });
  const verdict = judge(RECORDED, overtaken, { kind: "outOfRange" });
  assert.equal(damageOf(verdict).kind, "overtaken");
});

const failure = (code: number, message: string) =>
  evidenceOf(new KafkaError(message, { code, codeName: "" }));

Deno.test("librdkafka's words for a truncation tell where the shared log ends", () => {
  const prefix = "fetch orders [1]: ";
  const { autoOffsetReset } = ErrorCode;
  assert.deepEqual(
    failure(
      autoOffsetReset,
      `${prefix}Partition log truncation detected at offset 5 (leader epoch 0): broker end offset is 3 (offset leader epoch 0). Reset to INVALID.: Local: Partition log truncation detected (broker 1) (_AUTO_OFFSET_RESET)`,
    ),
    { kind: "truncationReported", endOffset: 3 },
  );
  assert.deepEqual(
    failure(
      autoOffsetReset,
      `${prefix}No epoch found less or equal to offset 5 (leader epoch 0): broker end offset is -1 (offset leader epoch -1). Reset using configured policy.: Local: Partition log truncation detected (broker 1) (_AUTO_OFFSET_RESET)`,
    ),
    { kind: "truncationReported", endOffset: null },
  );
  assert.deepEqual(
    failure(
      autoOffsetReset,
      `${prefix}fetch failed due to requested offset not available on the broker: Broker: Offset out of range (broker 1) (_AUTO_OFFSET_RESET)`,
    ),
    { kind: "outOfRange" },
  );
  assert.equal(failure(ErrorCode.partitionEof, `${prefix}end`), null);
});

Deno.test("an epoch is behind only where both are known and it went down", () => {
  assert.ok(isEpochBehind(3, 2));
  for (const [last, epoch] of [[3, 3], [3, 4], [null, 0], [3, null]] as const) {
    assert.ok(!isEpochBehind(last, epoch));
  }
});

Deno.test("the first rule for a whole name decides, and without one a partition stops", () => {
  const rules = [
    { topics: /a.*/, policy: "restart" },
    { topics: /ab/, policy: "stop" },
  ] as const;
  assert.equal(policyFor("ab", rules), "restart");
  assert.equal(policyFor("ba", rules), "stop");
});

Deno.test("to stop is the remedy for everything, and for a deleted topic the only one", () => {
  const damages = [
    judge(RECORDED, seen({ end: 6 })),
    judge(RECORDED, seen({ start: 13, end: 20 })),
    judge(RECORDED, seen({}, "second")),
  ].map(damageOf);
  for (const damage of damages) {
    assert.equal(remedyFor(RECORDED, damage, "stop").kind, "stop");
    assert.equal(remedyFor(RECORDED, damage, "restart").kind, "restart");
  }
  const deleted = damageOf(
    judge(RECORDED, { identity: { kind: "absent" }, log: NOT_ANSWERED }),
  );
  assert.equal(remedyFor(RECORDED, deleted, "restart").kind, "stop");
});

/** A partition, its topic, and a mirror of it. */
class Model {
  #nextRecord = 0;
  #topics = 1;
  isThere = true;
  /** By offset. */
  log: { record: number; epoch: number }[] = [];
  start = 0;
  epoch = 0;
  recorded: Recorded = {
    ...RECORDED,
    topicId: "1",
    position: 0,
    leaderEpoch: null,
  };
  /** By offset of the topic that is recorded. */
  copied = new Map<number, number>();
  readonly everCopied = new Set<number>();

  append(count: number): void {
    if (!this.isThere) return;
    for (let left = count; left > 0; left--) {
      this.log.push({ record: this.#nextRecord++, epoch: this.epoch });
    }
  }

  elect(): void {
    this.epoch++;
  }

  truncate(share: number): void {
    const kept = Math.floor((this.log.length - this.start) * share);
    this.log.length = this.start + kept;
    this.epoch++;
  }

  deleteRecords(share: number): void {
    this.start += Math.floor((this.log.length - this.start) * share);
  }

  deleteTopic(): void {
    this.isThere = false;
    this.log = [];
    this.start = 0;
    this.epoch = 0;
  }

  create(): void {
    if (this.isThere) return;
    this.isThere = true;
    this.#topics++;
  }

  get observed(): Observed {
    return {
      identity: this.isThere
        ? { kind: "present", topicId: String(this.#topics) }
        : { kind: "absent" },
      log: this.isThere
        ? {
          kind: "known",
          start: this.start,
          end: this.log.length,
          leaderEpoch: this.epoch,
        }
        : NOT_ANSWERED,
    };
  }

  /** What a broker answers to OffsetForLeaderEpoch, as librdkafka takes it. */
  get evidence(): Evidence | null {
    const { leaderEpoch, position } = this.recorded;
    if (leaderEpoch === null) return null;
    const next = this.log.findIndex(({ epoch }, offset) =>
      offset >= this.start && epoch > leaderEpoch
    );
    const endOffset = next < 0 ? this.log.length : next;
    return endOffset < position
      ? { kind: "truncationReported", endOffset }
      : null;
  }

  /** Whether it is in truth a prefix that can be continued. */
  get isSound(): boolean {
    if (!this.isThere || this.recorded.topicId !== String(this.#topics)) {
      return false;
    }
    if (this.start > this.recorded.position) return false;
    return this.copied.entries().every(([offset, record]) =>
      offset < this.start || this.log[offset]?.record === record
    );
  }

  read(count: number): void {
    const { position } = this.recorded;
    const end = Math.min(this.log.length, position + count);
    for (let offset = position; offset < end; offset++) {
      const { record, epoch } = this.log[offset]!;
      this.copied.set(offset, record);
      this.everCopied.add(record);
      this.recorded = {
        ...this.recorded,
        position: offset + 1,
        leaderEpoch: epoch,
      };
    }
  }

  /** Goes on from a damage; the target's map of what is gone is dropped. */
  restart(verdict: Verdict): void {
    const damage = damageOf(verdict);
    const remedy = remedyFor(this.recorded, damage, "restart");
    if (remedy.kind === "stop") return;
    const isNew = remedy.topicId !== this.recorded.topicId;
    for (const offset of [...this.copied.keys()]) {
      if (isNew || offset >= remedy.position) this.copied.delete(offset);
    }
    this.recorded = { ...this.recorded, ...remedy };
  }
}

type Step = (model: Model) => void;
const share = fc.double({ min: 0, max: 1, noNaN: true });
const few = fc.integer({ min: 1, max: 5 });
const happening: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: few.map((n): Step => (model) => model.append(n)) },
  fc.constant<Step>((model) => model.elect()),
  share.map((kept): Step => (model) => model.truncate(kept)),
  share.map((gone): Step => (model) => model.deleteRecords(gone)),
  fc.constant<Step>((model) => model.deleteTopic()),
  { weight: 2, arbitrary: fc.constant<Step>((model) => model.create()) },
);
/** What happens between two looks of the mirror, and how much it reads then. */
const histories = fc.array(
  fc.tuple(fc.array(happening, { maxLength: 4 }), fc.nat(8)),
  { maxLength: 12 },
);

Deno.test("what is called sound is sound and what is damaged is called so, through any history", () => {
  fc.assert(fc.property(histories, (history) => {
    const model = new Model();
    for (const [happenings, count] of history) {
      for (const happen of happenings) happen(model);
      const verdict = judge(model.recorded, model.observed, model.evidence);
      assert.equal(verdict.kind, model.isSound ? "sound" : "damaged");
      if (verdict.kind === "sound") model.read(count);
      else model.restart(verdict);
    }
  }));
});

Deno.test("after any history a mirror that restarts has every record that is still there", () => {
  fc.assert(fc.property(histories, (history) => {
    const model = new Model();
    const look = () => judge(model.recorded, model.observed, model.evidence);
    for (const [happenings, count] of history) {
      for (const happen of happenings) happen(model);
      const verdict = look();
      if (verdict.kind === "sound") model.read(count);
      else model.restart(verdict);
    }
    model.create();
    // At most: a new topic, whose oldest records are gone.
    for (let looks = 0; look().kind !== "sound"; looks++) {
      assert.ok(looks < 2);
      model.restart(look());
    }
    model.read(Infinity);
    for (const { record } of model.log.slice(model.start)) {
      assert.ok(model.everCopied.has(record));
    }
  }));
});

Deno.test("what was lost is told exactly, through any history", () => {
  fc.assert(fc.property(histories, (history) => {
    const model = new Model();
    for (const [happenings, count] of history) {
      for (const happen of happenings) happen(model);
      const verdict = judge(model.recorded, model.observed, model.evidence);
      if (verdict.kind !== "damaged") {
        model.read(count);
        continue;
      }
      const { damage } = verdict;
      const { position } = model.recorded;
      switch (damage.kind) {
        case "overtaken":
          assert.deepEqual(damage.lost, { from: position, to: model.start });
          break;
        case "truncated":
        case "uncleanElection": {
          const intact = model.copied.entries().filter(([offset, record]) =>
            model.log[offset]?.record === record
          ).map(([offset]) => offset + 1).toArray();
          const from = Math.max(model.start, ...intact);
          assert.deepEqual(damage.lost, { from, to: position });
          break;
        }
        case "recreated":
        case "deleted":
          assert.deepEqual(damage.lost, { from: position, to: null });
          break;
      }
      model.restart(verdict);
    }
  }));
});
