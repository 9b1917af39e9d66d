/** The states of disaster recovery as a pool takes them. */
import { KafkaError } from "../../kafka/mod.ts";
import {
  type ClusterName,
  DOUBT_MS,
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
/** While the primary alone is known. */
const DOUBT_LOOK_MS = 200;

/**
 * The newest that there is, then each that is newer; while neither cluster has
 * one that can be read, `NO_STATE` alone. What the primary says, also that it has
 * none, counts once the secondary has been asked for `DOUBT_MS` in vain. Ends
 * when the signal aborts.
 */
export async function* statesOf(
  parts: StatesParts,
  signal: AbortSignal,
): AsyncGenerator<DrState> {
  const { log, store } = parts;
  const doubtEndsMs = performance.now() + DOUBT_MS;
  let isTold = false;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const { isCertain, newest } = await look(parts, isFirst, signal);
    if (signal.aborted) return;
    if (!isCertain && performance.now() < doubtEndsMs) {
      if (isFirst) {
        log.info("waits for the secondary to say which cluster is active", {
          forMs: DOUBT_MS,
        });
      }
      await pause(DOUBT_LOOK_MS, signal);
      continue;
    }
    if (newest !== null) {
      yield newest;
      yield* store.follow(signal, {
        above: newest.epoch,
        onEvent: (event) => tell(log, event),
      });
      return;
    }
    if (!isTold) yield NO_STATE;
    isTold = true;
    await pause(LOOK_MS, signal);
  }
}

interface Found {
  /** The secondary has said what it knows. */
  readonly isCertain: boolean;
  /** Null: there is none that can be read. */
  readonly newest: DrState | null;
}

async function look(
  { clusters, log, store }: StatesParts,
  isFirst: boolean,
  signal: AbortSignal,
): Promise<Found> {
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
  const hasNone = found[1] === "no";
  if (!found.includes("yes")) return { isCertain: hasNone, newest: null };
  try {
    const { newest, secondary } = await store.read(signal);
    return { isCertain: hasNone || secondary.kind === "read", newest };
  } catch (error) {
    if (signal.aborted) return { isCertain: false, newest: null };
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
