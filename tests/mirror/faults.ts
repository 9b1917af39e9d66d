/** What is done to a mirror and its two clusters: the faults of a job, adapted. */
import { between, type Fault } from "../chaos/fault.ts";
import {
  brokerFrozen,
  brokerKilled,
  brokersBounced,
  groupCoordinatorKilled,
} from "../chaos/faults/brokers.ts";
import {
  instanceFrozen,
  instanceKilled,
  instancesBounced,
} from "../chaos/faults/instances.ts";
import {
  answersDelayed,
  answersDropped,
  brokerUnreachable,
  connectionsCut,
} from "../chaos/faults/network.ts";
import { partitionsAdded as partitionsAddedTo } from "../chaos/faults/partitions.ts";
import { nth } from "../chaos/world.ts";
import { pause } from "../support/pause.ts";
import { type MirrorWorld, worldAt } from "./world.ts";

export type MirrorFault = Fault<MirrorWorld>;

/** The same, on one of the two clusters, or where only mirrors are meant. */
function adapted(
  side: "source" | "target",
  fault: Fault,
  name = `${side}: ${fault.name}`,
): MirrorFault {
  return {
    ...fault,
    name,
    prepare(random) {
      const { parameters, run } = fault.prepare(random);
      return {
        parameters,
        run: (world, signal) => run(worldAt(world, side), signal),
      };
    },
  };
}

export const mirrorKilled = adapted("target", instanceKilled, "mirror kill -9");
export const mirrorFrozen = adapted(
  "target",
  instanceFrozen,
  "mirror SIGSTOP beyond its session",
);
const mirrorsBounced = adapted(
  "target",
  instancesBounced,
  "rolling bounce of mirrors",
);

/** Lanes move to a process that comes, and back when it goes. */
export const lanesMoved: MirrorFault = {
  name: "lanes moved by a mirror that comes and goes",
  family: "instances",
  prepare(random) {
    const number = between(random, 0, 99);
    const lastsMs = between(random, 3_000, 15_000);
    const isKilled = random() < 0.5;
    return {
      parameters: { number, lastsMs, end: isKilled ? "kill -9" : "SIGTERM" },
      async run({ spares, mirrors }, signal) {
        // Without a spare one, one of the others goes and comes.
        const isSpare = spares.length > 0;
        const mirror = nth(isSpare ? spares : mirrors, number);
        const end = () => isKilled ? mirror.kill() : mirror.stop();
        if (isSpare) mirror.start();
        else await end();
        await pause(lastsMs, signal);
        if (isSpare) await end();
        else mirror.start();
      },
    };
  },
};

export const partitionsAdded = adapted("source", partitionsAddedTo);

/** Those that a mirror's clients send to this side, but for transactions. */
const answers = (...names: readonly string[]) =>
  answersDropped.filter(({ name }) =>
    names.some((each) => name.startsWith(each))
  );

/** The mirror's transactions are there alone. */
export const transactionAnswersDropped = answers(
  "EndTxn",
  "AddPartitionsToTxn",
  "InitProducerId",
).map((fault) => adapted("target", fault));
const targetAnswersDropped = answers("Produce", "group", "OffsetCommit")
  .map((fault) => adapted("target", fault));

const onBoth = (fault: Fault) => [
  adapted("source", fault),
  adapted("target", fault),
];

export const sourceBrokerKilled = adapted("source", brokerKilled);
export const targetBrokerKilled = adapted("target", brokerKilled);
export const cutConnections = onBoth(connectionsCut);

export const mirrorFaults: readonly MirrorFault[] = [
  mirrorKilled,
  mirrorFrozen,
  mirrorsBounced,
  lanesMoved,
  sourceBrokerKilled,
  targetBrokerKilled,
  ...onBoth(brokerFrozen),
  ...onBoth(brokersBounced),
  adapted("target", groupCoordinatorKilled),
  ...cutConnections,
  ...onBoth(brokerUnreachable),
  ...onBoth(answersDelayed),
  ...transactionAnswersDropped,
  ...targetAnswersDropped,
  partitionsAdded,
];
