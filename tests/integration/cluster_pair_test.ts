/** What commands say of two clusters that are no pair, or do not answer. */
import assert from "node:assert/strict";
import { MockCluster } from "../../src/kafka/mod.ts";
import { Child } from "../support/child.ts";
import { library } from "../support/embedded.ts";
import { freePorts } from "../support/free_port.ts";
import { withoutOurs } from "../support/job_process.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
/** Generous: what is asked of a cluster has a limit of some seconds. */
const EXIT_MS = 90_000;

interface Pair {
  readonly primary: string;
  readonly secondary: string;
}

async function run({ primary, secondary }: Pair, ...args: readonly string[]) {
  await using child = Child.deno(["run", "-A", "--no-check", main, ...args], {
    env: {
      ...withoutOurs(),
      PRIMARY_BROKERS: primary,
      SECONDARY_BROKERS: secondary,
      HTTP_PORT: "0",
    },
  });
  const { code } = await child.exit(EXIT_MS);
  return {
    code,
    told: child.lines("stdout").join("\n"),
    said: child.lines("stderr").join("\n"),
  };
}

/** Clusters of which brokers have these ids and more. */
async function withClusters(
  [first, second]: readonly [number, number],
  work: (pair: Pair) => Promise<void>,
): Promise<void> {
  await using primary = new MockCluster(library, 1, first);
  await using secondary = new MockCluster(library, 1, second);
  await work({
    primary: primary.bootstrapServers,
    secondary: secondary.bootstrapServers,
  });
}

const portOf = (brokers: string) => brokers.slice(brokers.lastIndexOf(":"));

Deno.test("a cluster under two names is refused by all that would work from one to the other", async () => {
  await using cluster = new MockCluster(library, 1);
  const { bootstrapServers: primary } = cluster;
  const pair = { primary, secondary: `localhost${portOf(primary)}` };
  const commands = [
    ["mirror"],
    ["failover", "--force"],
    ["failover", "--planned"],
    ["drill", "--clusters"],
    ["drill", "--clusters", "--soak", "2"],
  ];
  for (const command of commands) {
    const { code, said } = await run(pair, ...command);
    assert.equal(code, 1, command.join(" "));
    assert.match(
      said,
      /^PRIMARY_BROKERS and SECONDARY_BROKERS are brokers of the same cluster, \w+$/m,
    );
  }
  const { code, told } = await run(pair, "failover", "--dry-run");
  assert.equal(code, 1, told);
  assert.match(told, /of the same cluster, \w+\nwould do nothing$/);
});

Deno.test("broker ids that both clusters have are told before anybody is moved", async () => {
  await withClusters([1, 1], async (pair) => {
    const shared = /both clusters have brokers with the ids 1: .*node\.id$/m;
    for (const args of [["failover", "--planned"], ["drill", "--clusters"]]) {
      const { code, said } = await run(pair, ...args);
      assert.equal(code, 1, args.join(" "));
      assert.match(said, shared);
    }
    const plan = await run(pair, "failover", "--dry-run");
    // With force that is what one has to live with.
    assert.equal(plan.code, 0, plan.said);
    assert.match(plan.told, shared);
    assert.match(plan.told, /^would promote/m);
    const doctor = await run(pair, "doctor");
    assert.equal(doctor.code, 1, doctor.told);
    assert.match(
      doctor.told,
      /LACK {2}two clusters +both clusters have brokers/,
    );
  });
});

Deno.test("drills on clusters that are not set are a matter of settings, however many", async () => {
  const pair = { primary: "127.0.0.1:1", secondary: "" };
  const { code, said } = await run(pair, "drill", "--clusters", "--soak", "2");
  assert.equal(code, 2);
  assert.equal(
    said,
    "SECONDARY_BROKERS is not set: --clusters needs two clusters",
  );
});

Deno.test("the doctor asks two clusters whether they are a pair", async () => {
  await withClusters([1, 2], async (pair) => {
    const { code, told } = await run(pair, "doctor");
    assert.equal(code, 0, told);
    assert.match(told, /^ok {4}two clusters +no broker id in common$/m);
  });
});

Deno.test("a cluster that does not answer is named with its brokers, and a drill has left nothing there", async () => {
  const [one, two] = freePorts(2).map((port) => `127.0.0.1:${port}`);
  const pair = { primary: one!, secondary: two! };
  const [drill, failover, failback, doctor] = await Promise.all([
    run(pair, "drill", "--clusters"),
    run(pair, "failover"),
    run(pair, "failback"),
    run(pair, "doctor"),
  ]);
  assert.deepEqual([drill, failover, failback].map(({ code }) => code), [
    1,
    1,
    1,
  ]);
  assert.match(drill.said, /^the primary does not answer .* the secondary/);
  assert.equal(drill.said.split("\n").length, 1, drill.said);
  assert.ok(failover.said.includes(`see to the secondary (${two})`));
  assert.ok(failback.said.includes(`see that the primary (${one}) and`));
  assert.equal(doctor.code, 0, doctor.told);
  assert.match(doctor.told, /^note {2}two clusters +the primary does not/m);
});
