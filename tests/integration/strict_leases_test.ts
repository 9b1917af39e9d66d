/**
 * Strict leases on two real clusters: a secondary that hangs stops a strict pool
 * and no other, a strict failover waits, and a pool that was frozen over it
 * commits nothing more where it was.
 */
import assert from "node:assert/strict";
import { leasesEndMs } from "../../dr/state/lease.ts";
import { type DrState, HISTORY_TOPIC } from "../../dr/state/mod.ts";
import { Child } from "../support/child.ts";
import { statesUpTo } from "../support/dr_state.ts";
import type { FailoverReport } from "../support/failover_run.ts";
import {
  deadlineMs,
  firstOnBoth,
  nothingAfterFence,
  start,
  topics,
  twoClusters,
  type World,
} from "../support/following_world.ts";
import { Job } from "../support/job.ts";
import { withoutOurs } from "../support/job_process.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const { input, output } = topics;
const main = new URL("../../src/main.ts", import.meta.url).pathname;
const TIMES = { leaseMs: 4_000, transactionMs: 4_000 };
const STRICT = {
  STRICT_LEASES: "true",
  LEASE_MS: `${TIMES.leaseMs}`,
  TRANSACTION_TIMEOUT_MS: `${TIMES.transactionMs}`,
};
const exactly = {
  GUARANTEE: "exactly-once",
  // So slow that there is work in every step.
  RATE_RECORDS: "40",
  WORKERS: "1",
};
const committed = {
  isolation: "read_committed",
  awaitTransactions: true,
} as const;

realKafkaTest(
  "a strict pool works only while the secondary lets it",
  async (context) => {
    await using stack = new AsyncDisposableStack();
    const world = await twoClusters(stack);
    await firstOnBoth(world);
    const strict = stack.use(start(world, { ...exactly, ...STRICT }));
    const other = stack.use(start(world, {
      ...exactly,
      GROUP_ID: "not-strict",
      OUTPUT_TOPIC: "not-strict-output",
      INSTANCE_ID: "other",
    }));
    const scene = { ...world, strict, other };
    for (const [name, step] of Object.entries(STEPS)) {
      if (await context.step(name, () => step(scene))) continue;
      console.log(strict.child.lines("stderr").slice(-40).join("\n"));
      world.clusters.primary.keepLogs();
      world.clusters.secondary.keepLogs();
      break;
    }
  },
);

interface Scene extends World {
  readonly strict: Job;
  readonly other: Job;
}

const LOST = "has no lease any more, and stops at once";
/** Said when its producers can write no more. */
const FENCED = "fenced off from primary";

/** So many more than now. */
async function more(job: Job, records: number): Promise<void> {
  const { totals } = await job.status();
  await job.consumed(totals.consumed + records, deadlineMs);
}

const STEPS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  "a secondary that hangs stops it, and a pool that is not strict goes on":
    stops,
  "it goes on when the secondary answers": goesOn,
  "a strict failover waits, and a pool that was frozen commits nothing more on the primary":
    frozen,
};

async function stops({ clients, clusters, other, strict }: Scene) {
  await Promise.all([strict.consumed(40), other.consumed(40)]);
  const answers = async (status: number) =>
    (await strict.get("/readyz")).status === status;
  const ends = () =>
    Math.min(strict.log(LOST).length, strict.log(FENCED).length);
  // A busy machine may have cost it its lease before.
  await eventually(() => answers(200), { what: "at work" });
  const before = ends();
  clusters.secondary.brokers[0]!.pause();
  await eventually(async () => ends() > before && await answers(503), {
    what: "stopped",
    timeoutMs: deadlineMs,
  });
  const fenced = strict.log(FENCED).at(-1)!;
  const { consumed } = (await strict.status()).totals;
  await more(other, 120);
  assert.equal((await strict.status()).totals.consumed, consumed);
  assert.deepEqual(other.log(LOST), []);
  await nothingAfterFence(clients.primary, Date.parse(fenced.time));
}

async function goesOn({ clusters, strict }: Scene) {
  clusters.secondary.brokers[0]!.resume();
  await more(strict, 80);
}

async function frozen({ clients, clusters, other, strict }: Scene) {
  await other.stop();
  strict.child.signal("SIGSTOP");
  await using child = Child.deno(
    ["run", "-A", "--no-check", main, "failover", "--force", "--json"],
    {
      env: {
        ...withoutOurs(),
        ...STRICT,
        MIRROR_REPLICATION_FACTOR: "1",
        PRIMARY_BROKERS: clusters.primary.bootstrapServers,
        SECONDARY_BROKERS: clusters.secondary.bootstrapServers,
      },
    },
  );
  await child.exit(90_000);
  const report = JSON.parse(
    child.lines("stdout").at(-1) ?? "",
  ) as FailoverReport;
  assert.equal(report.outcome, "promoted", JSON.stringify(report));
  assert.deepEqual(
    report.steps!.map(({ step }) => step).slice(-2),
    ["leases", "promote"],
  );
  const promoted = report.state!;
  const states = await statesUpTo(
    clusters.secondary.bootstrapServers,
    HISTORY_TOPIC,
    promoted.epoch,
  );
  const fenced = states.find(({ phase }) => phase === "fencing") as DrState;
  const waitedMs = promoted.sinceMs - fenced.sinceMs;
  console.log(`promoted ${waitedMs} ms after the fence`);
  // What is promised: no sooner.
  assert.ok(waitedMs >= leasesEndMs(TIMES), `${waitedMs}`);

  const before = await clients.primary.readTopic(output, committed);
  const positions = await clients.primary.committedOffsets("following", input);
  const wokenMs = Date.now();
  strict.child.signal("SIGCONT");
  await eventually(
    async () =>
      (await clients.secondary.readTopic(output, committed)).length >= 40,
    { what: "outputs on the secondary", timeoutMs: deadlineMs },
  );
  const after = await clients.primary.readTopic(output, committed);
  assert.equal(after.length, before.length);
  assert.ok(after.every(({ timestampMs }) => timestampMs < wokenMs));
  assert.deepEqual(
    await clients.primary.committedOffsets("following", input),
    positions,
  );
  await strict.stop();
}
