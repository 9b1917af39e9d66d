/** The states of disaster recovery as a pool takes them. */
import { KafkaError } from "../../kafka/mod.ts";
import {
  type ClusterName,
  type DrState,
  type FollowEvent,
  STATE_TOPIC,
  type StateClusters,
  type StateStore,
} from "../../../dr/state/mod.ts";
import { pause } from "../../../dr/waits.ts";
import type { Log } from "../../telemetry/log.ts";
import { NO_STATE } from "./assignment.ts";

export interface StatesParts {
  readonly clusters: StateClusters["clusters"];
  readonly store: Pick<StateStore, "follow" | "read">;
  readonly log: Log;
}

/** Of the question whether there is a topic. */
const ASK_MS = 1_500;
/** Between two looks, while there is none. */
const LOOK_MS = 2_000;

/**
 * The newest that there is, then each that is newer; while neither cluster has
 * one that can be read, `NO_STATE` alone. A cluster that does not answer does
 * not keep the other one's state from counting: it is the newest that is known.
 * Ends when the signal aborts.
 */
export async function* statesOf(
  parts: StatesParts,
  signal: AbortSignal,
): AsyncGenerator<DrState> {
  const { log, store } = parts;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const state = await newest(parts, isFirst, signal);
    if (signal.aborted) return;
    if (state !== null) {
      yield state;
      yield* store.follow(signal, (event) => tell(log, event));
      return;
    }
    if (isFirst) yield NO_STATE;
    await pause(LOOK_MS, signal);
  }
}

/** Null: there is none that can be read, or the signal has aborted. */
async function newest(
  { clusters, log, store }: StatesParts,
  isFirst: boolean,
  signal: AbortSignal,
): Promise<DrState | null> {
  const names = ["primary", "secondary"] as const;
  const found = await Promise.all(
    names.map((name) => hasTopic(clusters[name].admin)),
  );
  if (isFirst) {
    names.filter((_, index) => found[index] === "unknown").forEach((name) =>
      log.warn(`the state on ${name} cannot be read`, {
        error: "the cluster does not answer",
      })
    );
  }
  if (!found.includes("yes")) return null;
  try {
    return (await store.read(signal)).newest;
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

/** Asking makes no topic, whatever the brokers' settings. */
async function hasTopic(
  admin: StateClusters["clusters"][ClusterName]["admin"],
): Promise<"yes" | "no" | "unknown"> {
  try {
    const { topics } = await admin.metadata(STATE_TOPIC, ASK_MS);
    return topics.some(({ error }) => error === null) ? "yes" : "no";
  } catch (error) {
    if (error instanceof KafkaError) return "unknown";
    throw error;
  }
}

function tell(log: Log, event: FollowEvent): void {
  const { cluster } = event;
  switch (event.kind) {
    case "failed":
      log.debug(`following the state on ${cluster} began anew`, {
        error: event.error.message,
      });
      break;
    case "unreadable":
      log.warn(`a record in ${STATE_TOPIC} on ${cluster} is no state`, {
        offset: event.record.offset,
        reason: event.record.reason,
      });
      break;
  }
}
