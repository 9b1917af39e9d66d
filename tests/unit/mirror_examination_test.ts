import assert from "node:assert/strict";
import {
  examineLanes,
  type LaneExamination,
} from "../../dr/mirror/examination.ts";
import { lookAgain } from "../../dr/mirror/look_again.ts";
import {
  DamageChecker,
  type Examinee,
  type Finding,
} from "../../dr/topics/mod.ts";
import { ErrorCode, KafkaError } from "../../src/kafka/mod.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import { fakeClock } from "./support_clock.ts";
import { refused, Source } from "./support_source.ts";

const SIGNAL = new AbortController().signal;

function checkerOf(source: Source) {
  const lines: LogLine[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(line) });
  const { admin } = source;
  const rules = [{ topics: /.*/, policy: "restart" }] as const;
  const checker = new DamageChecker({ admin, log, rules, confirmAfterMs: 0 });
  return { checker, lines };
}

/** A lane with one partition of each of these topics. */
class Lane {
  readonly findings: Finding[] = [];
  position = 10;
  readonly #topics: readonly string[];
  readonly #count: number;

  constructor(topics: readonly string[], partitions = 1) {
    this.#topics = topics;
    this.#count = partitions;
  }

  examination(): LaneExamination | null {
    const examinees = this.#topics.flatMap((topic) =>
      Array.from({ length: this.#count }, (_, partition): Examinee => ({
        topic,
        partition,
        topicId: "first",
        position: this.position,
        leaderEpoch: null,
      }))
    );
    return {
      examinees,
      believes: ({ position }) => position === this.position,
      found: (findings) => this.findings.push(...findings),
    };
  }
}

const NO_LANE = { examination: () => null };

Deno.test("thousands of partitions of many lanes are examined by four requests", async () => {
  const source = new Source();
  source.add("wide", "first", { start: 0, end: 10, epoch: 0 });
  const { checker } = checkerOf(source);
  const lanes = [1, 2, 3, 4].map(() => new Lane(["wide"], 500));

  await examineLanes(lanes, checker, SIGNAL);

  assert.equal(source.asked.length, 2);
  assert.deepEqual(source.offsetRequests, [2000, 2000]);
  for (const { findings } of lanes) {
    assert.equal(findings.length, 500);
    assert.ok(findings.every(({ kind }) => kind === "sound"));
  }
});

Deno.test("nothing is asked where no lane has anything", async () => {
  const source = new Source();
  await examineLanes([NO_LANE], checkerOf(source).checker, SIGNAL);
  assert.deepEqual([source.asked, source.offsetRequests], [[], []]);
});

Deno.test("each lane is told what was found of its own partitions", async () => {
  const source = new Source();
  source.add("sound", "first", { start: 0, end: 10, epoch: 0 });
  source.add("anew", "second", { start: 0, end: 0, epoch: 0 });
  const { checker, lines } = checkerOf(source);
  const [one, other] = [new Lane(["sound"]), new Lane(["anew", "gone"])];

  await examineLanes([one, NO_LANE, other], checker, SIGNAL);

  const told = ({ findings }: Lane) =>
    findings.map((each) =>
      each.kind === "damaged" ? each.damage.kind : each.kind
    );
  assert.deepEqual(told(one), ["sound"]);
  assert.deepEqual(told(other), ["recreated", "deleted"]);
  assert.deepEqual(
    checker.reports.map(({ topic, damage }) => [topic, damage.kind]),
    [["anew", "recreated"], ["gone", "deleted"]],
  );
  assert.deepEqual(lines.map(({ level }) => level), ["error", "error"]);
});

Deno.test("retention that follows a moving lane is no damage", async () => {
  const source = new Source();
  source.add("busy", "first", { start: 0, end: 100, epoch: 0 });
  const { checker, lines } = checkerOf(source);
  const lane = new Lane(["busy"]);
  source.beforeOffsets = () => {
    lane.position = 60; // committed since it was asked for
    source.logs.get("busy")!.start = 50;
  };

  await examineLanes([lane], checker, SIGNAL);
  await examineLanes([lane], checker, SIGNAL);

  assert.deepEqual(lane.findings.map(({ kind }) => kind), ["unknown", "sound"]);
  assert.deepEqual([checker.reports, lines], [[], []]);
});

Deno.test("records that come while a lane is examined make it no truncated log", async () => {
  const source = new Source();
  source.add("busy", "first", { start: 0, end: 10, epoch: 0 });
  const { checker, lines } = checkerOf(source);
  const lane = new Lane(["busy"]);
  // The end was asked for before the lane went on to what came then.
  source.afterLook = () => lane.position = 30;

  await examineLanes([lane], checker, SIGNAL);

  assert.deepEqual(lane.findings.map(({ kind }) => kind), ["sound"]);
  assert.deepEqual([checker.reports, lines], [[], []]);
});

Deno.test("where the source does not answer no lane is told anything", async () => {
  const source = new Source();
  source.failure = refused(ErrorCode.timedOut);
  const { checker } = checkerOf(source);
  const lane = new Lane(["any"]);
  await assert.rejects(examineLanes([lane], checker, SIGNAL), KafkaError);
  assert.deepEqual(lane.findings, []);
});

Deno.test("a look that fails is logged, and neither the other nor the next is left out", async () => {
  using clock = fakeClock();
  const stop = new AbortController();
  const lines: LogLine[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(line) });
  const looked: string[] = [];
  const looks = {
    "topics cannot be seen": () => {
      looked.push("topics");
      return Promise.reject(new Error("the target is down"));
    },
    "partitions cannot be seen": () => {
      looked.push("partitions");
      return Promise.resolve();
    },
  };

  const looking = lookAgain(looks, {
    everyMs: 100,
    log,
    signal: stop.signal,
  });
  await clock.tick(99);
  assert.deepEqual(looked, []);
  await clock.tick(101);
  stop.abort();
  await looking;

  assert.deepEqual(looked, ["topics", "partitions", "topics", "partitions"]);
  assert.deepEqual(lines.map(({ level, message }) => [level, message]), [
    ["warn", "topics cannot be seen"],
    ["warn", "topics cannot be seen"],
  ]);
});
