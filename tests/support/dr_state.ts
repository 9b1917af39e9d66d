/** Two clusters that keep the state, those who write it, and what is there. */
import { Admin } from "../../src/kafka/mod.ts";
import {
  type DrState,
  ensureStateTopics,
  type Proposal,
  STATE_TIMINGS,
  type StateCluster,
  type StateClusters,
  StateError,
  StateStore,
  type StateTimings,
} from "../../dr/state/mod.ts";
import { library } from "./embedded.ts";
import { pause } from "./pause.ts";
import { quietKafka } from "./quiet_kafkajs.ts";
import { within } from "./wait.ts";

/** Short where a cluster is dead, and else long for a busy machine. */
export const TIMINGS: StateTimings = {
  ...STATE_TIMINGS,
  requestMs: 8_000,
  readMs: 8_000,
  copyMs: 8_000,
};

/** The admin clients end with the stack. */
export function stateClusters(
  stack: AsyncDisposableStack,
  servers: { readonly primary: string; readonly secondary: string },
): StateClusters {
  const reached = (bootstrapServers: string): StateCluster => {
    const properties = { "bootstrap.servers": bootstrapServers };
    return {
      admin: stack.use(new Admin(library, properties)),
      producer: properties,
      consumer: properties,
    };
  };
  return {
    library,
    clusters: {
      primary: reached(servers.primary),
      secondary: reached(servers.secondary),
    },
    onClientEvent: () => {},
  };
}

export async function ensureTopics(
  { clusters }: StateClusters,
  signal: AbortSignal,
  replicationFactor = 3,
): Promise<void> {
  for (const cluster of ["primary", "secondary"] as const) {
    const { admin } = clusters[cluster];
    const options = { admin, cluster, replicationFactor, timeoutMs: 30_000 };
    await ensureStateTopics(options, signal);
  }
}

/** Notes only a reason; begins with the first state there is. */
export const noting = (reason: string) => (newest: DrState | null): Proposal =>
  newest === null
    ? { active: "primary", phase: "steady", era: 0, lanes: null, reason }
    : { ...newest, reason };

/** Tries again, after a while, as often as another takes over. */
export async function insist(
  store: StateStore,
  reason: string,
  signal: AbortSignal,
): Promise<DrState> {
  for (;;) {
    try {
      const change = await store.change(noting(reason), { signal });
      return change.state!;
    } catch (error) {
      if (!(error instanceof StateError && error.kind === "fenced")) {
        throw error;
      }
    }
    await pause(1000 * Math.random(), signal);
  }
}

/**
 * The states of a topic up to that of `last`, as kafkajs reads what is
 * committed.
 */
export async function statesUpTo(
  bootstrapServers: string,
  topic: string,
  last: number,
): Promise<DrState[]> {
  const consumer = quietKafka(bootstrapServers)
    .consumer({ groupId: `reader-${crypto.randomUUID()}` });
  const states: DrState[] = [];
  const done = Promise.withResolvers<void>();
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message: { value } }) => {
        const state = JSON.parse(value!.toString()) as DrState;
        states.push(state);
        if (state.epoch === last) done.resolve();
        return Promise.resolve();
      },
    });
    await within(done.promise, 30_000, `read ${topic} up to epoch ${last}`);
  } finally {
    await consumer.disconnect();
  }
  return states;
}
