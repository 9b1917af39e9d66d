/** The application of docs/disaster-recovery.md, run through a switch. */
import assert from "node:assert/strict";
import type { MockCluster } from "../../src/kafka/mod.ts";
import { Child } from "../support/child.ts";
import { Member, produce, text } from "../support/embedded.ts";
import { FollowWorld } from "../support/follow_world.ts";
import { eventually } from "../support/wait.ts";

const root = new URL("../../", import.meta.url);
const DOCUMENT = new URL("docs/disaster-recovery.md", root);
const CONFIG = new URL("deno.json", root).pathname;
const BILLS = "bills";

Deno.test("the documented application bills each order on the cluster that is in use", async () => {
  await using world = new FollowWorld();
  for (const cluster of [world.primary, world.secondary]) {
    cluster.createTopic(BILLS, 1);
  }
  await world.keepState();
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, await example());
    await using application = Child.deno(
      ["run", "-A", "--config", CONFIG, file],
      {
        env: {
          PRIMARY_BROKERS: world.primary.bootstrapServers,
          SECONDARY_BROKERS: world.secondary.bootstrapServers,
        },
      },
    );
    await billed(world.primary, "one");
    const { epoch } = await world.change("secondary");
    world.kill(world.primary);
    await billed(world.secondary, "two");
    await eventually(
      () => application.lines("stdout").includes(`epoch ${epoch}: secondary`),
      { what: "told of the switch" },
    );
    world.heal(world.primary);
    application.signal("SIGTERM");
    const { code } = await application.exit(60_000);
    assert.equal(code, 0, application.lines("stderr").join("\n"));
  } finally {
    await Deno.remove(file);
  }
});

/** Orders on this cluster, and waits for the bill there. */
async function billed(cluster: MockCluster, value: string): Promise<void> {
  const { bootstrapServers } = cluster;
  await produce(bootstrapServers, [{ topic: "orders", key: "k", value }]);
  await using reader = new Member(bootstrapServers, { "group.id": "reader" });
  reader.consumer.subscribe([BILLS]);
  await reader.until(() => reader.received.length > 0, "billed");
  assert.deepEqual(
    reader.received.map((each) => [text(each.key), text(each.value)]),
    [["k", value]],
  );
}

async function example(): Promise<string> {
  const document = await Deno.readTextFile(DOCUMENT);
  const [, code] = document.match(/```ts\n(.*?)```/s) ?? [];
  assert.ok(code !== undefined && code.includes("switchyard/follow"));
  return code;
}
