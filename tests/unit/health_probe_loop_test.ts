/** Probes that hang, fail, and are made anew. */
import assert from "node:assert/strict";
import {
  PASSED,
  type ProbeOutcome,
  type ProbeResult,
  type ProbeSession,
} from "../../dr/health/probe.ts";
import { ProbeLoop } from "../../dr/health/probe_loop.ts";
import { ErrorCode, KafkaError } from "../../src/kafka/mod.ts";
import { eventually, within } from "../support/wait.ts";

const error = (code: number) =>
  new KafkaError(`error ${code}`, { code, codeName: `${code}` });

class Session implements ProbeSession {
  lastError: KafkaError | null = null;
  asked = 0;
  isEnded = false;
  readonly signals: AbortSignal[] = [];
  readonly #answer: (session: Session) => Promise<ProbeOutcome>;
  readonly #ending: Promise<void>;

  constructor(
    answer: (session: Session) => Promise<ProbeOutcome>,
    ending: Promise<void> = Promise.resolve(),
  ) {
    this.#answer = answer;
    this.#ending = ending;
  }

  ask(signal: AbortSignal): Promise<ProbeOutcome> {
    this.asked++;
    this.signals.push(signal);
    return this.#answer(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ending;
    this.isEnded = true;
  }
}

/** @param next the session of each number, from 0 on. */
function looping(next: (number: number) => Session, timeoutMs = 10_000) {
  const sessions: Session[] = [];
  const results: ProbeResult[] = [];
  const loop = new ProbeLoop({
    everyMs: 1,
    timeoutMs,
    open: () => {
      const session = next(sessions.length);
      sessions.push(session);
      return session;
    },
    told: (result) => results.push(result),
    now: () => performance.now(),
  });
  const until = (condition: () => boolean, what: string) =>
    eventually(condition, { what, everyMs: 1 });
  return {
    sessions,
    results,
    loop,
    until,
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  };
}

const passes = () => Promise.resolve(PASSED);
const hangs = () => new Promise<ProbeOutcome>(() => {});
const fails = () => Promise.reject(error(ErrorCode.transport));

Deno.test("clients that serve well are asked again", async () => {
  await using probe = looping(() => new Session(passes));
  await probe.until(() => probe.results.length >= 3, "passed");
  assert.equal(probe.sessions.length, 1);
});

Deno.test("an attempt that hangs is given up, and the next one has new clients", async () => {
  await using probe = looping(
    (number) => new Session(number === 0 ? hangs : passes),
    5,
  );
  await probe.until(() => probe.results.length >= 2, "gone on");
  assert.deepEqual(
    probe.results.slice(0, 2).map(({ kind }) => kind),
    ["failed", "passed"],
  );
  assert.match(JSON.stringify(probe.results[0]), /no answer within 5 ms/);
  assert.equal(probe.sessions[0]!.signals[0]!.aborted, true);
  await probe.until(() => probe.sessions[0]!.isEnded, "thrown away");
});

Deno.test("clients that do not end hold up nothing, and are not heaped up", async () => {
  const stuck = Promise.withResolvers<void>();
  await using probe = looping(() => new Session(fails, stuck.promise));
  await probe.until(
    () =>
      probe.results.filter(({ kind }) => kind === "inconclusive").length > 2,
    "said that nothing can be said",
  );
  assert.equal(probe.sessions.length, 8);
  stuck.resolve();
  await probe.until(() => probe.sessions.length > 8, "gone on");
});

Deno.test("a failure is not the cluster's where it had refused our login", async () => {
  await using probe = looping(() =>
    new Session((session) => {
      session.lastError = error(ErrorCode.authentication);
      return fails();
    })
  );
  await probe.until(() => probe.results.length >= 2, "answered twice");
  assert.equal(probe.results[0]!.kind, "inconclusive");
  // It must not explain what fails later.
  assert.ok(probe.sessions.length >= 2);
});

Deno.test("disposal ends an attempt that hangs, and waits for clients that end", async () => {
  const ending = Promise.withResolvers<void>();
  const probe = looping(() => new Session(hangs, ending.promise), 60_000);
  await probe.until(() => probe.sessions[0]!.asked === 1, "asked");
  const disposed = probe[Symbol.asyncDispose]();
  ending.resolve();
  await within(disposed, 10_000, "disposed");
  assert.equal(probe.sessions[0]!.isEnded, true);
  assert.deepEqual(probe.results, []);
});

Deno.test("a bug is told, and ends the probe", async () => {
  await using probe = looping(() =>
    new Session(() => Promise.reject(new TypeError("bug")))
  );
  await assert.rejects(probe.loop.ended, /bug/);
});
