/** The states as they are committed, out of both copies. */
import { STATE_TOPIC } from "../formats/mod.ts";
import type { StateCluster, StateClusters } from "./cluster.ts";
import { EMPTY_LOG, type Unreadable, withRecord } from "./copies.ts";
import { pause } from "../waits.ts";
import { tailTopic } from "./tail.ts";
import type { ClusterName, DrState } from "./types.ts";

/** What whoever follows may want to tell. */
export type FollowEvent =
  & { readonly cluster: ClusterName }
  & (
    | { readonly kind: "failed"; readonly error: Error }
    | { readonly kind: "unreadable"; readonly record: Unreadable }
  );

/** Nothing is asked of the clusters but their records. */
export interface StateReaders
  extends Pick<StateClusters, "library" | "onClientEvent"> {
  readonly clusters: Readonly<
    Record<ClusterName, Pick<StateCluster, "consumer">>
  >;
  /** Where states are kept; default: that of this process. */
  readonly topic?: string;
}

/**
 * A copy may come while the secondary's records before it are still on their
 * way: they are waited for, so that none is left out.
 */
const GRACE_MS = 2_000;
/** States that nobody has taken; of more the oldest are forgotten. */
const MOST_WAITING = 1000;

/**
 * Ends when the signal aborts. Epochs may be left out where a topic was
 * compacted, or where only the primary can be read, whose copy may lack some.
 * @param onRead told once of each copy, when it was read to its end: what it
 * says, which follows as a state; null: nothing
 */
export async function* followStates(
  clusters: StateReaders,
  onEvent: (event: FollowEvent) => void,
  signal: AbortSignal,
  onRead: (cluster: ClusterName, newest: DrState | null) => void = () => {},
): AsyncGenerator<DrState> {
  const left = new AbortController();
  const ended = AbortSignal.any([signal, left.signal]);
  const states = new RisingStates();
  const reading = Promise.all(
    (["primary", "secondary"] as const)
      .map((name) =>
        followOne(clusters, name, states, { onEvent, onRead }, ended)
      ),
  ).finally(() => states.end());
  reading.catch(() => {}); // awaited below
  try {
    yield* states.taken();
  } finally {
    left.abort();
    await reading;
  }
}

async function followOne(
  { clusters, library, onClientEvent, topic = STATE_TOPIC }: StateReaders,
  name: ClusterName,
  states: RisingStates,
  { onEvent, onRead }: {
    readonly onEvent: (event: FollowEvent) => void;
    readonly onRead: (cluster: ClusterName, newest: DrState | null) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  let isLive = false;
  let past = EMPTY_LOG;
  const offer = async (state: DrState) => {
    const isGap = state.epoch > states.highest + 1;
    if (isGap && name === "primary") await pause(GRACE_MS, signal);
    states.offer(state);
  };
  const rounds = tailTopic({
    library,
    cluster: clusters[name],
    topic,
    signal,
    onClientEvent,
    onFailure: (error) => onEvent({ kind: "failed", cluster: name, error }),
  });
  for await (const { isAtEnd, records } of rounds) {
    for (const record of records) {
      const { newest, unreadable } = withRecord(
        isLive ? EMPTY_LOG : { ...past, unreadable: [] },
        record,
      );
      for (const each of unreadable) {
        onEvent({ kind: "unreadable", cluster: name, record: each });
      }
      if (!isLive) past = { ...past, newest };
      else if (newest !== null) await offer(newest);
    }
    if (!isLive && isAtEnd) {
      isLive = true;
      onRead(name, past.newest);
      if (past.newest !== null) await offer(past.newest);
    }
  }
}

/** A queue that takes only what is newer than all before. */
export class RisingStates {
  #waiting: DrState[] = [];
  #highest = 0;
  #isEnded = false;
  #news = Promise.withResolvers<void>();

  /** 0: there was none. */
  get highest(): number {
    return this.#highest;
  }

  offer(state: DrState): void {
    if (state.epoch <= this.#highest) return;
    this.#highest = state.epoch;
    this.#waiting.push(state);
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    this.#news.resolve();
  }

  end(): void {
    this.#isEnded = true;
    this.#news.resolve();
  }

  /** In the order in which they were offered, until the end. */
  async *taken(): AsyncGenerator<DrState> {
    for (;;) {
      const state = this.#waiting.shift();
      if (state !== undefined) {
        yield state;
        continue;
      }
      if (this.#isEnded) return;
      this.#news = Promise.withResolvers();
      await this.#news.promise;
    }
  }
}
