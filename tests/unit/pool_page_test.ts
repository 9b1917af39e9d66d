import assert from "node:assert/strict";
import {
  FencedError,
  type Operation,
  PageView,
  Phase,
  WorkerPage,
} from "../../src/pool/page.ts";
import { DURATION_BOUNDS } from "../../src/telemetry/durations.ts";
import { eventually, within } from "../support/wait.ts";
import type { Race } from "./support_page_racer.ts";

function pair() {
  const view = new PageView();
  return { view, page: new WorkerPage(view.memory) };
}

Deno.test("the coordinator sees the phase that the worker is in", () => {
  const { view, page } = pair();
  assert.equal(view.phase, Phase.starting);
  for (const phase of [Phase.idle, Phase.native, Phase.user, Phase.commit]) {
    page.enter(phase);
    assert.equal(view.phase, phase);
  }
});

Deno.test("entering the same phase again changes the word", () => {
  const { view, page } = pair();
  const words = new Set([view.word]);
  for (let step = 0; step < 1000; step++) {
    page.enter(Phase.user);
    words.add(view.word);
  }
  assert.equal(words.size, 1001);
});

Deno.test("a worker that stands still is fenced, and every later step of it throws", () => {
  const { view, page } = pair();
  page.enter(Phase.user);
  assert.equal(view.fence(view.word), true);
  assert.equal(view.phase, "fenced");
  for (const phase of [Phase.user, Phase.native, Phase.commit, Phase.idle]) {
    assert.throws(() => page.enter(phase), FencedError);
  }
  assert.equal(view.phase, "fenced");
});

Deno.test("a worker that has moved since it was looked at is not fenced", () => {
  const { view, page } = pair();
  page.enter(Phase.user);
  const word = view.word;
  page.enter(Phase.user);
  assert.equal(view.fence(word), false);
  page.enter(Phase.native);
  assert.equal(view.phase, Phase.native);
});

Deno.test("a worker is fenced wherever it is when that must not wait", () => {
  const { view, page } = pair();
  page.enter(Phase.native);
  view.fenceNow();
  assert.throws(() => page.enter(Phase.idle), FencedError);
});

Deno.test("whoever fences learns in which phase the worker was", () => {
  for (const phase of [Phase.user, Phase.native, Phase.commit, Phase.idle]) {
    const { view, page } = pair();
    page.enter(phase);
    assert.equal(view.fenceNow(), phase);
    assert.equal(view.fenceNow(), "fenced");
  }
});

Deno.test("the beat wraps to a word that is neither negative nor taken for a fence", () => {
  const { view, page } = pair();
  // What the word holds after 2^28 - 1 steps, in one step.
  const lastBeat = 0x7ffffff8;
  page.enter((lastBeat | Phase.user) as Phase);
  assert.equal(view.word, lastBeat | Phase.user);
  page.enter(Phase.user);
  assert.equal(view.word, Phase.user);
  page.enter(Phase.native);
  assert.equal(view.phase, Phase.native);
  assert.equal(view.fence(view.word), true);
});

Deno.test("counters add up and reports replace one another", () => {
  const { view, page } = pair();
  page.count("consumed", 3);
  page.count("consumed", 2 ** 40);
  page.count("produced", 1);
  page.count("skipped", 0);
  page.report(7, 2048);
  page.report(5, 3 * 2 ** 30);
  page.reportHeap(3 * 2 ** 30);
  assert.equal(view.counter("consumed"), 2 ** 40 + 3);
  assert.equal(view.counter("produced"), 1);
  assert.equal(view.counter("deadLettered"), 0);
  assert.equal(view.counter("skipped"), 0);
  assert.equal(view.pendingRecords, 5);
  assert.equal(view.pendingBytes, 3 * 2 ** 30);
  assert.equal(view.heapBytes, 3 * 2 ** 30);
});

Deno.test("durations of each operation are counted on their own, up to a bound inclusively", () => {
  const { view, page } = pair();
  page.count("alreadyDone", 9); // the counter before them
  page.observe("poll", 5);
  page.observe("process", 5.5);
  page.observe("process", 70_000);
  page.observe("send", 0);
  const bucketsOf = (operation: Operation) =>
    view.durations(operation).counts.flatMap((count, bucket) =>
      Array.from({ length: count }, () => bucket)
    );
  assert.deepEqual(bucketsOf("poll"), [0]);
  assert.deepEqual(bucketsOf("process"), [1, DURATION_BOUNDS.length]);
  assert.deepEqual(bucketsOf("send"), [0]);
  assert.equal(view.durations("poll").sum, 0.005);
  assert.equal(view.durations("process").sum, 70.0055);
  assert.equal(view.counter("alreadyDone"), 9);
});

Deno.test("a fence that another thread races against holds at the word it was put on", async () => {
  const views = Array.from({ length: 200 }, () => new PageView());
  const race: Race = {
    pages: views.map((each) => each.memory),
    steps: new SharedArrayBuffer(views.length * 4),
  };
  const racer = new Worker(
    new URL("./support_page_racer.ts", import.meta.url),
    { type: "module" },
  );
  const over = Promise.withResolvers<void>();
  racer.onmessage = () => over.resolve();
  racer.onerror = (event) => {
    event.preventDefault();
    over.reject(new Error(event.message));
  };
  try {
    racer.postMessage(race);
    const fencedAt: number[] = [];
    for (const view of views) {
      for (let look = 0; view.word === 0 && look < 100_000; look++);
      await eventually(() => view.word !== 0, { what: "racing", everyMs: 1 });
      let word: number;
      do {
        word = view.word;
      } while (!view.fence(word));
      fencedAt.push(word);
    }
    await within(over.promise, 30_000, "fenced on every page");
    const steps = new Int32Array(race.steps);
    assert.deepEqual(
      Array.from(steps, (count) => (count << 3) | Phase.user),
      fencedAt,
    );
  } finally {
    racer.terminate();
  }
});
