/** The input topic grows. */
import { withKafkaAdmin } from "../../support/quiet_kafkajs.ts";
import { eventually } from "../../support/wait.ts";
import { between, type Fault } from "../fault.ts";
import { inSync } from "../world.ts";

const mostPartitions = 40;

export const partitionsAdded: Fault = {
  name: "partitions added",
  family: "job",
  prepare(random) {
    const more = between(random, 1, 4);
    return {
      parameters: { more },
      async run(world) {
        const { cluster, input, log } = world;
        const { topics } = await cluster.metadata();
        const now = topics.get(input)!.length;
        const count = Math.min(mostPartitions, now + more);
        if (count === now) return log(`${input} has ${now} partitions already`);
        await withKafkaAdmin(cluster.bootstrapServers, async (admin) => {
          // The controller may be on its way to another broker.
          await eventually(
            () =>
              admin.createPartitions({
                topicPartitions: [{ topic: input, count }],
              }).then(() => true),
            { what: `grew ${input} to ${count} partitions` },
          );
        });
        await inSync(world);
      },
    };
  },
};
