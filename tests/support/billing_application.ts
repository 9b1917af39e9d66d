/** An application that makes a bill of each order, to be killed. */
import { ActiveCluster, FollowingProcessor } from "../../dr/follow/mod.ts";

const { signal } = new AbortController();
const clusterOf = (name: string) => ({
  kafka: { "bootstrap.servers": Deno.env.get(name)! },
  // So long a group waits for a member that was killed.
  consumer: { "session.timeout.ms": 6_000 },
});

await using active = await ActiveCluster.open({
  primary: clusterOf("PRIMARY_BROKERS"),
  secondary: clusterOf("SECONDARY_BROKERS"),
  onEvent: (event) => console.log(JSON.stringify(event)),
}, signal);
await using processor = new FollowingProcessor(active, {
  group: "billing",
  topics: ["orders"],
  transactionalId: "billing-1",
  batchRecords: 10,
});
await processor.run(
  ({ key, value }) => [{ topic: "bills", key, value }],
  signal,
);
