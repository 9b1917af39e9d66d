/** Whether the cluster that would be left lives. */
import { type Admin, KafkaError } from "../../src/kafka/mod.ts";
import { askBroker } from "../health/broker_reply.ts";
import type { BrokerAddress } from "../health/known_brokers.ts";
import { pause } from "../waits.ts";

/**
 * By number, and not by the time alone: where this process itself stands still
 * for long, a time-out says nothing of the cluster.
 */
const ATTEMPTS = 5;
/** Of one; `describeCluster` uses it up before it fails. */
const ATTEMPT_MS = 2_000;

/**
 * One answer suffices: brokers pause, and a first connection may take long. Not
 * asked again is a cluster of which every broker refuses to be connected to.
 * @param brokers that clients are told of
 * @throws the signal's reason.
 */
export async function isAlive(
  admin: Pick<Admin, "describeCluster">,
  brokers: readonly BrokerAddress[],
  signal: AbortSignal,
): Promise<boolean> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const [isHere, isGone] = await Promise.all([
      answers(admin, signal),
      refuse(brokers, signal),
    ]);
    if (isHere) return true;
    if (isGone) return false;
  }
  return false;
}

async function answers(
  admin: Pick<Admin, "describeCluster">,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const timeoutMs = ATTEMPT_MS;
    const { brokers } = await admin.describeCluster({ timeoutMs, signal });
    if (brokers.length > 0) return true;
    // One that has just started knows of none.
    await pause(ATTEMPT_MS, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KafkaError)) throw error;
  }
  return false;
}

async function refuse(
  brokers: readonly BrokerAddress[],
  signal: AbortSignal,
): Promise<boolean> {
  const question = { asksRequests: false, timeoutMs: ATTEMPT_MS };
  const replies = await Promise.all(
    brokers.map((address) => askBroker({ ...question, address }, signal)),
  );
  return replies.every((reply) => reply === "refuses");
}
