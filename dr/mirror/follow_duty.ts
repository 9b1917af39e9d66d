/** Follows what the state says a mirror is to do. */
import {
  type ClientEvent,
  type Consumer,
  isTopicUnknown,
  KafkaError,
  type Library,
  type Producer,
} from "../../src/kafka/mod.ts";
import { type Log, logClientLine } from "../../src/telemetry/log.ts";
import type { Flow } from "../formats/mod.ts";
import {
  type ClusterName,
  type DrState,
  type OnClientEvent,
  other,
  STATE_TOPIC,
  type StateCluster,
  StateStore,
} from "../state/mod.ts";
import { pause } from "../waits.ts";
import { type Duty, dutyOf, isSameDuty, UNKNOWN } from "./duty.ts";

export interface DutyOptions {
  readonly library: Library;
  readonly clusters: Readonly<Record<ClusterName, StateCluster>>;
  readonly source: ClusterName;
  readonly onClientEvent: OnClientEvent;
  readonly log: Log;
}

export interface ObeyOptions {
  readonly library: Library;
  readonly flow: Flow & { readonly source: ClusterName };
  readonly source: StateCluster;
  readonly target: StateCluster;
  readonly log: Log;
}

/** Between two looks for a state where there is none. */
const LOOK_MS = 1_000;
const AGAIN_MS = 1_000;
const REQUEST_MS = 5_000;

/**
 * Brings each duty about before the next one, until the signal aborts, however
 * often the state cannot be followed.
 */
export async function obeyState(
  { flow, library, log, source, target }: ObeyOptions,
  obey: (duty: Duty) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const clusters = {
    [flow.source]: source,
    [other(flow.source)]: target,
  } as Record<ClusterName, StateCluster>;
  const options: DutyOptions = {
    library,
    clusters,
    source: flow.source,
    onClientEvent: (event, client) => onEvent(event, client, log),
    log,
  };
  while (!signal.aborted) {
    try {
      for await (const duty of followDuty(options, signal)) await obey(duty);
    } catch (error) {
      if (signal.aborted) return;
      log.warn("the state is not followed for now", { error });
      await pause(AGAIN_MS, signal);
    }
  }
}

type Found =
  | { readonly kind: "none" }
  | { readonly kind: "state"; readonly state: DrState | null }
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * Each one that differs from the one before, beginning with what is known at
 * once; until the signal aborts. The secondary's copy is the one that counts:
 * while nothing is known of it, nothing is mirrored.
 */
export async function* followDuty(
  options: DutyOptions,
  signal: AbortSignal,
): AsyncGenerator<Duty> {
  const { source } = options;
  await using store = new StateStore(options);
  let last: Duty = UNKNOWN;
  let above = 0;
  const news = function* (next: Duty) {
    if (isSameDuty(last, next)) return;
    last = next;
    yield next;
  };
  for (let told = ""; !signal.aborted; await pause(LOOK_MS, signal)) {
    const found = await look(options, store, signal);
    if (found.kind === "none") yield* news(dutyOf(null, source));
    else if (found.kind === "state") {
      yield* news(dutyOf(found.state, source));
      above = found.state?.epoch ?? 0;
      break;
    } else if (found.reason !== told) {
      options.log.warn("the state cannot be read", { error: found.reason });
      told = found.reason;
    }
  }
  for await (const state of store.follow(signal, { above })) {
    yield* news(dutyOf(state, source));
  }
}

async function look(
  { clusters: { secondary } }: DutyOptions,
  store: StateStore,
  signal: AbortSignal,
): Promise<Found> {
  try {
    const [topic] = await secondary.admin.topics.summarize(
      [STATE_TOPIC],
      { timeoutMs: REQUEST_MS, signal },
    );
    const error = topic?.error ?? null;
    if (error !== null && isTopicUnknown(error.code)) return { kind: "none" };
    if (error !== null) return { kind: "unknown", reason: error.message };
    const copies = await store.read(signal);
    return copies.secondary.kind === "failed"
      ? { kind: "unknown", reason: copies.secondary.error.message }
      : { kind: "state", state: copies.newest };
  } catch (error) {
    if (signal.aborted) return { kind: "unknown", reason: "it is closed" };
    if (!(error instanceof KafkaError)) throw error;
    return { kind: "unknown", reason: error.message };
  }
}

/** What a cluster that is down says is said by those that work with it. */
function onEvent(
  event: ClientEvent,
  client: Producer | Consumer,
  log: Log,
): void {
  if (event.kind === "log") logClientLine(log, event.log);
  else if (event.kind === "tokenRefresh") {
    client.setOauthTokenFailure("use sasl.oauthbearer.method=oidc");
  } else if (event.kind === "error") {
    log.debug("Kafka", { error: event.error.message });
  }
}
