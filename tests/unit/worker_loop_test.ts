import assert from "node:assert/strict";
import {
  type Batch,
  type ClientEvent,
  ErrorCode,
  type Inbox,
  KafkaError,
} from "../../src/kafka/mod.ts";
import { FencedError, PageView, WorkerPage } from "../../src/pool/page.ts";
import type {
  FromWorker,
  Position,
  WorkerLimits,
} from "../../src/pool/protocol.ts";
import { RateGate, RateLimit, type Rates } from "../../src/pool/rate_limit.ts";
import { Loop } from "../../workers/loop.ts";
import { Router } from "../../workers/router.ts";
import { Settlement, type Ticket } from "../../workers/settlement.ts";
import { eventually } from "../support/wait.ts";
import { fakeClock } from "./support_clock.ts";
import {
  batchOf,
  FakeBatch,
  FakeSink,
  LIMITS,
  TOPIC,
  turn,
} from "./support_worker_fakes.ts";

type InboxUse = Pick<
  Inbox,
  "room" | "take" | "wait" | "wake" | "assignmentChanged"
>;

/** Gives out batches; keeps what it was asked for. */
class FakeInbox implements InboxUse {
  room = 1_000_000;
  waiting = false;
  assignmentChanges = 0;
  /** Waits until it is woken, however long that takes. */
  patient = false;
  /** The limit of each request, in order. */
  readonly asked: number[] = [];
  readonly #ready: Batch[] = [];
  #arrival = Promise.withResolvers<void>();

  /** A batch arrives. */
  push(batch: Batch): void {
    this.#ready.push(batch);
    this.#arrival.resolve();
  }

  take(limit: number): Batch | null {
    this.asked.push(limit);
    return this.#ready.shift() ?? null;
  }

  async wait(limit: number, timeoutMs: number): Promise<Batch | null> {
    this.asked.push(limit);
    this.waiting = true;
    this.#arrival = Promise.withResolvers();
    const timer = setTimeout(() => {
      if (!this.patient) this.#arrival.resolve();
    }, timeoutMs);
    await this.#arrival.promise;
    clearTimeout(timer);
    this.waiting = false;
    return this.#ready.shift() ?? null;
  }

  wake(): void {
    this.#arrival.resolve();
  }

  assignmentChanged(): void {
    this.assignmentChanges++;
  }
}

interface Options {
  readonly limits?: Partial<WorkerLimits>;
  readonly rates?: Rates;
  readonly exactEveryMs?: number;
  readonly handle?: (ticket: Ticket) => void;
  readonly heapBytes?: () => number;
}

/** A loop that runs until the end of the scope. */
function running(options: Options = {}) {
  const view = new PageView();
  const inbox = new FakeInbox();
  const settlement = new Settlement();
  const sink = new FakeSink(settlement);
  const router = new Router(() => {});
  const rateLimit = new RateLimit(
    options.rates ?? { records: null, bytes: null },
    0,
  );
  const tickets: Ticket[] = [];
  const posts: FromWorker[] = [];
  const events: ClientEvent[] = [];
  let aborts = 0;
  const loop = new Loop({
    page: new WorkerPage(view.memory),
    inbox: inbox as unknown as Inbox,
    router,
    settlement,
    sink,
    kind: {
      handle(ticket) {
        tickets.push(ticket);
        options.handle?.(ticket);
      },
      abort: () => void aborts++,
    },
    rate: new RateGate(rateLimit.memory),
    limits: { ...LIMITS, ...options.limits },
    exactEveryMs: options.exactEveryMs ?? null,
    tracing: null,
    post: (message) => posts.push(message),
    onEvent: (event) => events.push(event),
    heapBytes: options.heapBytes ?? (() => 0),
  });
  const run = loop.run();
  run.catch(() => {}); // a test may look at it later
  const offsets = new Map<number, number>();
  return {
    view,
    inbox,
    settlement,
    sink,
    router,
    rateLimit,
    tickets,
    posts,
    events,
    loop,
    run,
    get aborts() {
      return aborts;
    },
    /** `count` further records of a partition arrive. */
    push(count: number, lane = 0): void {
      const offset = offsets.get(lane) ?? 0;
      offsets.set(lane, offset + count);
      inbox.push(batchOf(
        Array.from({ length: count }, (_, index) => ({
          lane,
          offset: offset + index,
        })),
      ));
    },
    finish(ticket: Ticket): void {
      for (let index = 0; index < ticket.batch.count; index++) {
        settlement.done(ticket, index);
      }
      sink.wake(); // as the report that ended it would
    },
    of<Kind extends FromWorker["kind"]>(kind: Kind) {
      return posts.filter((each): each is FromWorker & { kind: Kind } =>
        each.kind === kind
      );
    },
    async [Symbol.asyncDispose]() {
      loop.stop(0);
      await run.catch(() => {});
    },
  };
}

const own = (partition: number, epoch = partition + 1): Position => ({
  tp: { topic: TOPIC, partition },
  epoch,
  next: 0,
  beyond: [],
});

const until = (condition: () => unknown, what: string) =>
  eventually(condition, { what, timeoutMs: 10_000, everyMs: 1 });

/** The loop has come to where it waits, and goes no further by itself. */
async function quiet(worker: { readonly inbox: FakeInbox }): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
  const asked = worker.inbox.asked.length;
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.equal(worker.inbox.asked.length, asked);
}

Deno.test("what arrives is handed on in order, and sent", async () => {
  await using worker = running({
    handle(ticket) {
      worker.sink.add(ticket, 0, { topic: "out", value: "x" });
    },
  });
  worker.loop.assign([own(0)]);
  worker.push(3);
  worker.push(2);
  await until(() => worker.tickets.length === 2, "handled");
  assert.deepEqual(worker.tickets.map(({ batch }) => batch.offset(0)), [0, 3]);
  assert.equal(worker.sink.flushed, 2);
});

Deno.test("the copies of a batch are given back when it has been handled, not before", async () => {
  const batch = new FakeBatch([{ lane: 0, offset: 0 }]);
  let early = true;
  await using worker = running({
    handle: () => void (early = batch.unloaded),
  });
  worker.loop.assign([own(0)]);
  worker.inbox.push(batch as unknown as Batch);
  await until(() => batch.unloaded, "given back");
  assert.equal(early, false);
  assert.equal(batch.freed, false);
});

Deno.test("an empty batch is no work", async () => {
  await using worker = running();
  worker.loop.assign([own(0)]);
  worker.inbox.push(batchOf([]));
  worker.push(1);
  await until(() => worker.tickets.length === 1, "handled");
  assert.equal(worker.tickets[0]!.batch.count, 1);
});

Deno.test("no more is asked for than a batch, the room and the free records allow", async () => {
  await using worker = running({
    limits: { batchRecords: 100, pendingRecords: 150 },
  });
  worker.loop.assign([own(0)]);
  await until(() => worker.inbox.waiting, "waiting");
  assert.equal(worker.inbox.asked.at(-1), 100);
  worker.push(90);
  await until(() => worker.inbox.asked.at(-1) === 60, "asked for the rest");
  worker.inbox.room = 7;
  worker.push(10);
  await until(() => worker.inbox.asked.at(-1) === 7, "asked for the room");
});

Deno.test("after large records fewer are asked for at once", async () => {
  await using worker = running({
    limits: { batchRecords: 100, pendingBytes: 1_000_000 },
  });
  worker.loop.assign([own(0)]);
  await until(() => worker.inbox.waiting, "waiting");
  assert.equal(worker.inbox.asked.at(-1), 100);
  const large = Array.from({ length: 50 }, (_, offset) => ({
    lane: 0,
    offset,
    value: "x".repeat(10_000),
  }));
  worker.inbox.push(batchOf(large));
  await until(() => worker.tickets.length === 1, "handled");
  worker.finish(worker.tickets[0]!);
  await until(() => worker.inbox.asked.at(-1)! <= 25, "asked for fewer");
});

Deno.test("nothing is fetched while as many records pend as may, until some are done", async () => {
  await using worker = running({ limits: { pendingRecords: 10 } });
  worker.loop.assign([own(0)]);
  worker.push(6);
  worker.push(4);
  worker.push(5);
  await until(() => worker.settlement.pendingRecords === 10, "full");
  await quiet(worker);
  assert.equal(worker.tickets.length, 2);
  worker.finish(worker.tickets[0]!);
  await until(() => worker.tickets.length === 3, "going on");
});

Deno.test("fetched bytes and unacknowledged ones together bound the fetching", async () => {
  await using worker = running({ limits: { pendingBytes: 1000 } });
  worker.loop.assign([own(0)]);
  worker.push(1);
  await until(() => worker.tickets.length === 1, "handled");
  const fetched = worker.settlement.pendingBytes;
  assert.ok(fetched > 0);
  worker.sink.pendingBytes = 1000 - fetched;
  worker.push(1);
  // The request that was under way gets it; the next one is not made.
  await until(() => worker.tickets.length === 2, "handled");
  worker.push(1);
  await quiet(worker);
  assert.equal(worker.tickets.length, 2);
  worker.sink.pendingBytes = 0;
  await until(() => worker.tickets.length === 3, "going on");
});

Deno.test("what the rate does not allow is not fetched, and what is fetched uses it up", async () => {
  await using worker = running({ rates: { records: 50, bytes: null } });
  worker.loop.assign([own(0)]);
  await until(() => worker.inbox.waiting, "waiting");
  assert.equal(worker.inbox.asked.at(-1), 5); // a burst
  worker.push(5);
  worker.push(1);
  await until(() => worker.tickets.length === 1, "handled");
  await quiet(worker);
  assert.equal(worker.tickets.length, 1);
  const { length } = worker.inbox.asked;
  worker.rateLimit.fill(40);
  await until(() => worker.tickets.length === 2, "going on");
  assert.equal(worker.inbox.asked[length], 2);
});

Deno.test("bytes that were fetched use up their rate", async () => {
  await using worker = running({ rates: { records: null, bytes: 10 } });
  worker.loop.assign([own(0)]);
  worker.push(1);
  worker.push(1);
  await until(() => worker.tickets.length === 1, "handled");
  await quiet(worker);
  assert.equal(worker.tickets.length, 1);
});

Deno.test("an assignment opens lanes where the coordinator says", async () => {
  await using worker = running();
  worker.loop.assign([{ ...own(3), next: 40 }, { ...own(5), next: 50 }]);
  assert.equal(worker.inbox.assignmentChanges, 1);
  const lanes = [3, 5].map((each) => worker.router.laneOf(TOPIC, each));
  assert.deepEqual(lanes.map((lane) => worker.router.next[lane]), [40, 50]);
  const ownerships = lanes.map((lane) => worker.settlement.ownership(lane));
  assert.deepEqual(ownerships.map((each) => each.epoch), [4, 6]);
});

Deno.test("a partition is given back when what was taken of it is settled, not before, and nothing more is taken", async () => {
  await using worker = running();
  worker.loop.assign([own(0)]);
  worker.push(4);
  await until(() => worker.tickets.length === 1, "handled");
  worker.loop.release([own(0)]);
  assert.equal(worker.router.laneOf(TOPIC, 0), -1);
  assert.equal(worker.inbox.assignmentChanges, 2);
  await quiet(worker);
  assert.deepEqual(worker.of("released"), []);
  worker.finish(worker.tickets[0]!);
  await until(() => worker.of("released").length > 0, "released");
  assert.deepEqual(worker.of("released").flatMap((each) => each.partitions), [
    { ...own(0), next: 4 },
  ]);
});

Deno.test("partitions that are idle are given back at once, each when it can be", async () => {
  await using worker = running();
  worker.loop.assign([own(0), own(1)]);
  worker.push(1, 1);
  await until(() => worker.tickets.length === 1, "handled");
  worker.loop.release([own(0), own(1)]);
  const epochs = () =>
    worker.of("released").flatMap((each) => each.partitions)
      .map((each) => each.epoch);
  await until(() => epochs().length === 1, "released");
  assert.deepEqual(epochs(), [1]);
  worker.finish(worker.tickets[0]!);
  await until(() => epochs().length === 2, "released");
  assert.deepEqual(epochs(), [1, 2]);
});

Deno.test("a worker that waits for records is woken to give a partition back", async () => {
  await using worker = running();
  worker.inbox.patient = true;
  worker.loop.assign([own(0)]);
  await until(() => worker.inbox.waiting, "waiting");
  worker.loop.release([own(0)]);
  await until(() => worker.of("released").length > 0, "released");
});

Deno.test("a release under an old epoch leaves the partition with its owner", async () => {
  await using worker = running();
  worker.loop.assign([own(0, 1)]);
  worker.loop.release([own(0, 1)]);
  await until(() => worker.of("released").length > 0, "released");
  worker.loop.assign([own(0, 2)]);
  worker.loop.release([own(0, 1), own(7, 9)]);
  await quiet(worker);
  assert.equal(worker.of("released").length, 1);
  assert.notEqual(worker.router.laneOf(TOPIC, 0), -1);
});

Deno.test("a lane that must wait is announced at once, and given back with its time when it is settled", async () => {
  await using worker = running();
  worker.loop.assign([own(0), own(1)]);
  worker.push(4);
  await until(() => worker.tickets.length === 1, "handled");
  worker.loop.defer(worker.router.laneOf(TOPIC, 0), 123);
  const { tp, epoch } = own(0);
  assert.deepEqual(worker.of("deferring").map((each) => each.ownership), [
    { tp, epoch },
  ]);
  assert.equal(worker.router.laneOf(TOPIC, 0), -1);
  await quiet(worker);
  assert.deepEqual(worker.of("released"), []);
  // A transaction must end before it can be given back.
  await until(() => worker.sink.hurries.at(-1) === true, "haste");
  worker.finish(worker.tickets[0]!);
  await until(() => worker.of("released").length > 0, "released");
  await until(() => worker.sink.hurries.at(-1) === false, "no haste any more");
  assert.deepEqual(worker.of("released").flatMap((each) => each.partitions), [
    { ...own(0), next: 4, notBeforeMs: 123 },
  ]);
});

Deno.test("a partition that is asked for while it must wait is given back once, with its time", async () => {
  await using worker = running();
  worker.loop.assign([own(0)]);
  worker.push(1);
  await until(() => worker.tickets.length === 1, "handled");
  worker.loop.defer(worker.router.laneOf(TOPIC, 0), 123);
  worker.loop.release([own(0)]);
  worker.finish(worker.tickets[0]!);
  await until(() => worker.of("released").length > 0, "released");
  // Its lane may be another's now, which has no time.
  worker.loop.assign([own(5)]);
  worker.loop.release([own(0), own(5)]);
  await until(() => worker.of("released").length > 1, "released");
  assert.deepEqual(worker.of("released").flatMap((each) => each.partitions), [
    { ...own(0), next: 1, notBeforeMs: 123 },
    own(5),
  ]);
});

Deno.test("the end of a partition is told as settled when all that was taken below it is", async () => {
  await using worker = running();
  const nexts = () =>
    worker.of("settled").flatMap((each) => each.partitions)
      .map(({ next }) => next);
  worker.loop.assign([own(0)]);
  worker.push(2);
  await until(() => worker.tickets.length === 1, "handled");
  worker.router.ended(0, 5);
  await quiet(worker);
  assert.deepEqual(nexts(), []);
  worker.finish(worker.tickets[0]!);
  await until(() => nexts().includes(5), "told");
  worker.router.ended(0, 9);
  await until(() => nexts().includes(9), "told without a record");
});

Deno.test("settled positions are told once, with the counts that belong to them", async () => {
  await using worker = running({ heapBytes: () => 5 * 2 ** 20 });
  worker.loop.assign([own(0)]);
  worker.push(3);
  await until(() => worker.view.pendingRecords === 3, "reported");
  assert.equal(worker.sink.consumed, 0);
  worker.finish(worker.tickets[0]!);
  await until(() => worker.of("settled").length > 0, "told");
  await until(() => worker.view.pendingRecords === 0, "reported");
  const { published } = worker.sink;
  await until(() => worker.sink.published > published, "published again");
  assert.deepEqual(worker.of("settled").flatMap((each) => each.partitions), [
    { ...own(0), next: 3 },
  ]);
  assert.equal(worker.sink.consumed, 3);
  assert.equal(worker.view.heapBytes, 5 * 2 ** 20);
});

Deno.test("a worker that is told to stop fetches no more, and ends when all is settled and told", async () => {
  const worker = running();
  let ended = false;
  worker.run.finally(() => ended = true);
  worker.loop.assign([own(0)]);
  worker.push(2);
  await until(() => worker.tickets.length === 1, "handled");
  worker.loop.stop(60_000);
  await until(() => !worker.inbox.waiting, "woken");
  worker.push(2);
  await quiet(worker);
  assert.equal(ended, false);
  assert.equal(worker.tickets.length, 1);
  worker.finish(worker.tickets[0]!);
  await worker.run;
  assert.deepEqual(worker.posts.at(-1), {
    kind: "settled",
    partitions: [{ ...own(0), next: 2 }],
  });
  assert.equal(worker.sink.consumed, 2);
  assert.equal(worker.aborts, 1);
});

Deno.test("a worker with nothing under way stops at once", async () => {
  const worker = running();
  await until(() => worker.inbox.waiting, "waiting");
  worker.loop.stop(60_000);
  await worker.run;
});

Deno.test("what has not settled by the deadline is left behind", async () => {
  using clock = fakeClock();
  const worker = running();
  let ended = false;
  worker.run.finally(() => ended = true);
  worker.loop.assign([own(0)]);
  worker.push(1);
  await clock.tick(0);
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.equal(worker.tickets.length, 1);
  worker.loop.stop(50);
  await clock.tick(45);
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.equal(ended, false);
  await clock.tick(10);
  await worker.run;
  assert.equal(worker.aborts, 1);
  assert.deepEqual(worker.of("settled"), []);
  assert.equal(clock.timers, 0);
});

/** Nothing of the loop is under way any more. */
async function assertFails(
  worker: ReturnType<typeof running>,
  error: unknown,
): Promise<void> {
  await assert.rejects(worker.run, error as Error);
  assert.equal(worker.aborts, 1);
  assert.equal(worker.inbox.waiting, false);
  const asked = worker.inbox.asked.length;
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.equal(worker.inbox.asked.length, asked);
}

const broken = new Error("broken");

Deno.test("a failure from outside ends a loop that waits for records", async () => {
  const worker = running();
  await until(() => worker.inbox.waiting, "waiting");
  worker.loop.fail(broken);
  await assertFails(worker, broken);
});

Deno.test("a failure from outside ends a loop that is full", async () => {
  const worker = running({ limits: { pendingRecords: 1 } });
  worker.loop.assign([own(0)]);
  worker.push(1);
  await until(() => worker.tickets.length === 1, "full");
  worker.loop.fail(broken);
  await assertFails(worker, broken);
});

Deno.test("an error while records are handled ends both loops", async () => {
  const worker = running({
    handle() {
      throw broken;
    },
  });
  worker.loop.assign([own(0)]);
  worker.push(1);
  await assertFails(worker, broken);
});

Deno.test("an error while reports are served ends both loops", async () => {
  const worker = running();
  await until(() => worker.inbox.waiting, "waiting");
  worker.sink.collect = () => {
    throw broken;
  };
  worker.sink.wake();
  await assertFails(worker, broken);
});

Deno.test("an error while positions are told ends both loops", async () => {
  const worker = running();
  worker.sink.publish = () => {
    throw broken;
  };
  await assertFails(worker, broken);
});

Deno.test("a worker that was fenced ends by that", async () => {
  const worker = running();
  await until(() => worker.inbox.waiting, "waiting");
  worker.view.fenceNow();
  worker.inbox.wake();
  await assert.rejects(worker.run, FencedError);
});

Deno.test("the first of several failures is the one that is told", async () => {
  const worker = running();
  worker.loop.fail(broken);
  worker.loop.fail(new Error("another"));
  await assertFails(worker, broken);
});

Deno.test("a batch that arrives when the loop has ended is given back unhandled", async () => {
  const worker = running();
  worker.loop.assign([own(0)]);
  await until(() => worker.inbox.waiting, "waiting");
  const batch = batchOf([{ lane: 0, offset: 0 }]);
  worker.loop.fail(broken);
  worker.inbox.push(batch);
  await assertFails(worker, broken);
  assert.equal(batch.freed, true);
  assert.deepEqual(worker.tickets, []);
  assert.equal(worker.settlement.idle, true);
});

Deno.test("the producer's other events are passed on, whoever meets them", async () => {
  await using worker = running();
  const event = (message: string): ClientEvent => ({
    kind: "error",
    error: new KafkaError(message, {
      code: ErrorCode.allBrokersDown,
      codeName: "_ALL_BROKERS_DOWN",
    }),
  });
  worker.loop.assign([own(0)]);
  const [waited, collected] = [event("waited"), event("collected")];
  worker.sink.report(waited);
  await until(() => worker.events.length === 1, "passed on");
  const { collect } = worker.sink;
  let left = [collected];
  worker.sink.collect = () => left.splice(0);
  worker.push(1);
  await until(() => worker.events.length === 2, "passed on");
  left = [];
  worker.sink.collect = collect;
  assert.deepEqual(worker.events, [waited, collected]);
});

Deno.test("where records are done out of order, what is done above an open one is told at the interval and at the end", async () => {
  using clock = fakeClock();
  await using worker = running({ exactEveryMs: 200 });
  worker.loop.assign([own(0)]);
  worker.push(3);
  await clock.tick(10);
  worker.settlement.done(worker.tickets[0]!, 1);
  await clock.tick(180);
  assert.deepEqual(worker.of("settled"), []);
  await clock.tick(300);
  const told = () =>
    worker.of("settled").at(-1)?.partitions.map(({ next, beyond }) => [
      next,
      ...beyond,
    ]);
  assert.deepEqual(told(), [[0, 1, 2]]);
  worker.push(2);
  await clock.tick(10);
  worker.settlement.done(worker.tickets[1]!, 1);
  worker.loop.stop(50);
  await clock.tick(100);
  await worker.run;
  assert.deepEqual(told(), [[0, 1, 2, 4, 5]]);
});

Deno.test("no more is asked for than the metadata of a commit has room for", async () => {
  await using worker = running({
    exactEveryMs: 200,
    limits: { batchRecords: 1e5, pendingRecords: 1e5, pendingBytes: 1e9 },
  });
  worker.loop.assign([own(0)]);
  await until(() => worker.inbox.waiting, "waiting");
  assert.equal(worker.inbox.asked.at(-1), 24_528);
  worker.push(24_000);
  await until(() => worker.inbox.asked.at(-1) === 528, "asked for the rest");
  worker.push(528);
  await quiet(worker);
  assert.equal(worker.inbox.asked.at(-1), 528);
  worker.finish(worker.tickets[0]!);
  await until(() => worker.inbox.asked.at(-1) === 24_000, "going on");
});
