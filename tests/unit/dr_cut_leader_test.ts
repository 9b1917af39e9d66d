import assert from "node:assert/strict";
import fc from "fast-check";
import { restMs } from "../../dr/cut/leader.ts";
import { KafkaError } from "../../src/kafka/mod.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import {
  type Cut,
  CutLeader,
  type LeaderParts,
  type ReleaseReport,
} from "../../dr/cut/mod.ts";
import { eventually } from "../support/wait.ts";
import { cutOf, positionsOf } from "./support_cut.ts";

/** What the leader does, and what it is told. */
class Stage {
  readonly lines: LogLine[] = [];
  readonly released: string[][] = [];
  samples = 0;
  beats = 0;
  position = 5;
  stopped: Record<string, string> = {};
  /** Thrown by the next samplings. */
  failure: Error | null = null;
  readonly #parts: Partial<LeaderParts>;

  constructor(parts: Partial<LeaderParts> = {}) {
    this.#parts = parts;
  }

  start(): CutLeader {
    const positions = () =>
      positionsOf({ "out-0": this.position }, this.stopped);
    return new CutLeader({
      prepare: () => Promise.resolve(),
      sample: () => {
        this.samples++;
        if (this.failure !== null) return Promise.reject(this.failure);
        return Promise.resolve(
          cutOf({
            sampledAtMs: this.samples,
            ends: { "out-0": 5 },
            groups: { g: {} },
          }),
        );
      },
      release: (_: Cut, groups: readonly string[]): Promise<ReleaseReport> => {
        this.released.push([...groups]);
        return Promise.resolve({
          released: groups,
          active: [],
          failed: new Map(),
          plans: new Map(),
        });
      },
      positions: {
        position: (tp) => positions().position(tp),
        stopped: (tp) => positions().stopped(tp),
      },
      outputsOf: () => null,
      beside: [{
        what: "beating",
        everyMs: 1,
        work: () => Promise.resolve(void this.beats++),
      }],
      stallMs: 60_000,
      intervalMs: 1,
      checkMs: 1,
      lateMs: 60_000,
      log: createLog({ level: "info", write: (line) => this.lines.push(line) }),
      ...this.#parts,
    });
  }

  said(pattern: RegExp): LogLine[] {
    return this.lines.filter(({ message }) => pattern.test(message));
  }
}

const down = () =>
  new KafkaError("list offsets: all brokers are down", {
    code: -187,
    codeName: "_ALL_BROKERS_DOWN",
  });

const until = (condition: () => boolean, what: string) =>
  eventually(condition, { what, everyMs: 1 });

Deno.test("cut after cut is sampled, waited for and released, beside other work", async () => {
  const stage = new Stage();
  stage.position = 4;
  await using leader = stage.start();
  await until(() => leader.status.behind === 1, "waiting for the mirror");
  assert.deepEqual([stage.samples, stage.released], [1, []]);
  assert.equal(leader.status.waiting, 1);
  stage.position = 5;
  await until(() => stage.released.length >= 3, "released three cuts");
  assert.deepEqual(stage.released[0], ["g"]);
  assert.ok(leader.status.releasedAtMs! >= 1);
  assert.ok(stage.beats > 0);
  assert.deepEqual(leader.lowest?.get("out"), [null]);
  assert.deepEqual(stage.lines, []);
});

Deno.test("a cut in which no group has anything counts as released", async () => {
  const stage = new Stage({
    sample: () =>
      Promise.resolve(cutOf({ sampledAtMs: 7, ends: {}, groups: {} })),
  });
  await using leader = stage.start();
  await until(() => leader.status.releasedAtMs === 7, "released");
  assert.deepEqual(stage.released, []);
});

Deno.test("a cut whose groups get checkpoints alone counts as released, and one whose groups all fail does not", async () => {
  const report = (failed: [string, string][]): Promise<ReleaseReport> =>
    Promise.resolve({
      released: [],
      active: [],
      failed: new Map(failed),
      plans: new Map(),
    });
  let releases = 0;
  const stage = new Stage({
    release: () => report(++releases < 3 ? [["g", "refused"]] : []),
  });
  await using leader = stage.start();
  await until(() => leader.status.releasedAtMs === 3, "released");
});

Deno.test("a cluster that is down is logged once, asked again, and logged when it is back", async () => {
  const stage = new Stage();
  stage.failure = down();
  await using _ = stage.start();
  await until(() => stage.samples >= 5, "asked again");
  assert.equal(stage.said(/releasing group positions fails/).length, 1);
  stage.failure = null;
  await until(() => stage.released.length > 0, "released");
  await until(
    () => stage.said(/releasing group positions works again/).length === 1,
    "logged",
  );
  assert.equal(stage.lines.length, 2);
});

Deno.test("what must be prepared is tried until it works, and nothing begins before", async () => {
  let tries = 0;
  const ready = Promise.withResolvers<void>();
  const stage = new Stage({
    prepare: async () => {
      if (tries++ === 0) throw down();
      await ready.promise;
    },
  });
  await using _ = stage.start();
  await until(() => tries === 2, "tried again");
  assert.deepEqual([stage.samples, stage.beats], [0, 0]);
  ready.resolve();
  await until(() => stage.released.length > 0, "begun");
});

Deno.test("a stopped partition is reported once with the groups that it holds, and when it no longer does", async () => {
  const stage = new Stage();
  stage.position = 4;
  stage.stopped = { "out-0": "truncated" };
  await using leader = stage.start();
  await until(() => stage.samples >= 5, "sampled anew");
  const [line] = stage.said(/groups are not released/);
  assert.deepEqual(line!.fields["partitions"], { "out [0]": "truncated" });
  assert.equal(stage.lines.length, 1);
  assert.deepEqual(stage.released, []);
  assert.equal(leader.status.releasedAtMs, null);
  stage.stopped = {};
  stage.position = 5;
  await until(() => stage.said(/no longer so/).length === 1, "reported");
});

Deno.test("a cut that waits long is reported once", async () => {
  let reviews = 0;
  const stage = new Stage({
    lateMs: 0,
    positions: {
      position: () => {
        reviews++;
        return 4;
      },
      stopped: () => null,
    },
  });
  await using _ = stage.start();
  await until(() => reviews >= 5, "looked at again");
  assert.equal(stage.said(/a cut is late/).length, 1);
});

Deno.test("it stops while it waits for the mirror, and while a cluster does not answer", async () => {
  const waiting = new Stage();
  waiting.position = 4;
  const first = waiting.start();
  await until(() => waiting.samples === 1, "waiting");
  await first[Symbol.asyncDispose]();
  await first.ended;

  const asked = Promise.withResolvers<void>();
  const silent = new Stage({
    sample: (signal) => {
      asked.resolve();
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
    },
  });
  const second = silent.start();
  await asked.promise;
  await second[Symbol.asyncDispose]();
  await second.ended;
  assert.deepEqual(silent.lines, []);
});

Deno.test("a bug ends it, and is no secret", async () => {
  const stage = new Stage();
  stage.failure = new TypeError("undefined is not a function");
  await using leader = stage.start();
  await assert.rejects(leader.ended, /undefined is not a function/);
  const { beats } = stage;
  await leader[Symbol.asyncDispose]();
  assert.equal(stage.beats, beats);
});

Deno.test("clusters rest after a cut in proportion to what it cost, and for no longer than five seconds", () => {
  assert.equal(restMs(20, 50), 150);
  assert.equal(restMs(20, 3_000), 0);
  fc.assert(
    fc.property(
      fc.nat({ max: 60_000 }),
      fc.nat({ max: 60_000 }),
      (busyMs, waitedMs) => {
        const passedMs = busyMs + waitedMs;
        const togetherMs = passedMs + restMs(busyMs, passedMs);
        assert.ok(togetherMs >= Math.min(10 * busyMs, 5_000));
        assert.ok(togetherMs <= Math.max(passedMs, 5_000));
      },
    ),
  );
});
