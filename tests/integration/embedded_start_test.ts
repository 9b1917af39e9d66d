/** `start` without any settings: an embedded cluster and generated logins. */
import assert from "node:assert/strict";
import {
  cleanEnd,
  type JobSummary,
  logLine,
  logOf,
  startJob,
} from "../support/job_process.ts";
import { Child } from "../support/child.ts";
import { eventually } from "../support/wait.ts";

const deadlineMs = 60_000;
const stopSignals = ["SIGINT", "SIGTERM"] as const;
/** As long signals count as one wish, by the operator contract. */
const sameWishMs = 500;

const unending = new URL(
  "../support/processors/unending.ts",
  import.meta.url,
).pathname;

Deno.test("--messages N generates, settles and counts N logins", async () => {
  await using job = startJob({ args: ["--messages", "3000"], env: quick });
  const { consumed, ...rest } = await cleanEnd(job, deadlineMs);
  assert.equal(consumed, 3000);
  assertAdded({ consumed, ...rest });
  // A share of them is malformed, so that people see dead letters.
  assert.ok(rest.deadLettered > 0 && rest.deadLettered < 150);
});

Deno.test("the first login is processed soon after the start", async () => {
  const startMs = Date.now();
  await using job = startJob({ args: ["--messages", "1"] });
  const { consumed } = await cleanEnd(job, deadlineMs);
  assert.equal(consumed, 1);
  const settled = logOf(job).find(({ message }) => message === "draining")!;
  const firstMs = Date.parse(settled.time) - startMs;
  console.log(`the first login was settled after ${firstMs} ms`);
});

Deno.test("--for ends after that time", async () => {
  await using job = startJob({ args: ["--for", "2s"] });
  const summary = await cleanEnd(job, deadlineMs);
  assert.ok(summary.consumed > 0 && summary.seconds >= 2);
  assertAdded(summary);
});

Deno.test("the log is one JSON object a line, stdout the summary", async () => {
  await using job = startJob({ args: ["--messages", "10"] });
  await cleanEnd(job, deadlineMs);
  const log = logOf(job);
  for (const { time, level, message } of log) {
    assert.ok(Date.parse(time) > 0 && message !== "");
    assert.ok(["info", "warn"].includes(level), `${level}: ${message}`);
  }
  const started = log.find(({ message }) => message === "started")!;
  assert.equal(started.cluster, "embedded");
  assert.equal(started.workers, 2);
  // What the embedded cluster cannot do is said.
  assert.ok(log.some(({ message }) => message.includes("memory")));
});

Deno.test("a leading -- is accepted", async () => {
  const main = ["run", "-A", "src/main.ts"];
  for (const args of [["--", "start"], ["start", "--"]]) {
    await using job = Child.deno([...main, ...args, "--messages", "1"], {
      env: { SWITCHYARD_NOT_RUN_FILE: "" },
    });
    assert.equal((await cleanEnd(job, deadlineMs)).consumed, 1);
  }
});

for (const signal of stopSignals) {
  Deno.test(`${signal} drains, sums up and ends with status 0`, async () => {
    await using job = startJob({ env: quick });
    await someConsumed(job);
    job.signal(signal);
    const summary = await cleanEnd(job, deadlineMs);
    assert.ok(summary.consumed > 0);
    assertAdded(summary);
    const draining = logOf(job).find(({ message }) => message === "draining");
    assert.equal(draining!.signal, signal);
  });
}

Deno.test("signals that come together are one wish", async () => {
  await using job = startJob({ env: quick });
  await someConsumed(job);
  // As Ctrl-C reaches a job below `deno task`: from it and from the terminal.
  job.signal("SIGINT");
  job.signal("SIGTERM");
  assertAdded(await cleanEnd(job, deadlineMs));
});

Deno.test("a signal during the start ends it cleanly as well", async () => {
  await using job = startJob();
  await job.waitForLine(/./, { stream: "stderr", timeoutMs: deadlineMs });
  job.signal("SIGTERM");
  assertAdded(await cleanEnd(job, deadlineMs));
});

Deno.test("a second signal ends at once what cannot be drained", async () => {
  await using job = startJob({
    env: { PROCESSOR: unending, HANDLER_TIMEOUT_MS: "3600000" },
  });
  await job.waitForLine(/"message":"begun"/, { timeoutMs: deadlineMs });
  job.signal("SIGTERM");
  await job.waitForLine(/"message":"draining"/, { timeoutMs: deadlineMs });
  // The wait is part of the behaviour: sooner it would be the same wish.
  await new Promise((resolve) => setTimeout(resolve, sameWishMs + 100));
  assert.ok(job.alive);
  job.signal("SIGTERM");
  // Long before the drain's own deadline of 25 s.
  const { code } = await job.exit(20_000);
  assert.equal(code, 1);
  assert.deepEqual(job.lines("stdout"), []);
});

Deno.test("a drain ends at its deadline, and says what it left", async () => {
  await using job = startJob({
    env: {
      PROCESSOR: unending,
      HANDLER_TIMEOUT_MS: "3600000",
      DRAIN_MS: "500",
    },
  });
  await job.waitForLine(/"message":"begun"/, { timeoutMs: deadlineMs });
  job.signal("SIGTERM");
  const { consumed, produced } = await cleanEnd(job, deadlineMs);
  assert.deepEqual({ consumed, produced }, { consumed: 0, produced: 0 });
});

const wrong: readonly {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly says: RegExp;
}[] = [
  { args: ["--mesages", "5"], says: /--mesages/ },
  { args: ["--messages"], says: /--messages/ },
  { args: ["--messages", "many"], says: /--messages .*"many"/ },
  { args: ["--messages", "0"], says: /--messages .*"0"/ },
  { args: ["--messages", "-1"], says: /--messages/ },
  { args: ["--for", "3 parsecs"], says: /--for .*"3 parsecs"/ },
  { args: ["now"], says: /now/ },
  { env: { WORKERS: "none" }, says: /WORKERS.*"none"/ },
  { env: { PRIMARY_BROKER: "a:1" }, says: /PRIMARY_BROKERS/ },
  { env: { PRIMARY_KAFKA_LINGERMS: "1" }, says: /linger\.?ms/ },
  { env: { SWITCHYARD_CONFIG: "missing.jsonc" }, says: /missing\.jsonc/ },
];

Deno.test("wrong words and settings end with status 2 and one message", async () => {
  for (const { args = [], env = {}, says } of wrong) {
    await using job = startJob({ args, env });
    const { code } = await job.exit(deadlineMs);
    const said = job.lines("stderr")
      .filter((line) => !line.includes('"log.level":"info"'));
    assert.match(said.join("\n"), says);
    assert.equal(said.length, 1, said.join("\n"));
    assert.equal(code, 2, said[0] ?? "");
    assert.deepEqual(job.lines("stdout"), []);
  }
});

const quick = { EMBEDDED_RATE: "20000" };

async function someConsumed(job: Child): Promise<void> {
  const line = await job.waitForLine(/"message":"started"/, {
    timeoutMs: deadlineMs,
  });
  const { http } = logLine(line);
  await eventually(
    async () => {
      const status = await (await fetch(`${http}/status`)).json();
      return status.totals.consumed > 0;
    },
    { what: "consumed something", timeoutMs: deadlineMs },
  );
}

function assertAdded(summary: JobSummary): void {
  const { consumed, produced, deadLettered, skipped } = summary;
  assert.equal(produced + deadLettered + skipped, consumed);
}
