/** All faults. */
import type { Fault } from "../fault.ts";
import {
  brokerFrozen,
  brokerKilled,
  brokersBounced,
  controllerKilled,
  groupCoordinatorKilled,
  transactionCoordinatorKilled,
} from "./brokers.ts";
import { diskFull } from "./disk.ts";
import {
  instanceFrozen,
  instanceKilled,
  instancesBounced,
} from "./instances.ts";
import {
  answersDelayed,
  answersDropped,
  brokerUnreachable,
  connectionsCut,
} from "./network.ts";
import { partitionsAdded } from "./partitions.ts";
import { workerCrashed, workerHung } from "./workers.ts";

export const faults: readonly Fault[] = [
  instanceKilled,
  instanceFrozen,
  instancesBounced,
  brokerKilled,
  brokerFrozen,
  brokersBounced,
  groupCoordinatorKilled,
  transactionCoordinatorKilled,
  controllerKilled,
  diskFull,
  answersDelayed,
  connectionsCut,
  brokerUnreachable,
  ...answersDropped,
  partitionsAdded,
  workerCrashed,
  workerHung,
];
