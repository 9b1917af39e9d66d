/** The states as they are committed, out of both copies. */
import { STATE_TOPIC } from "../formats/mod.ts";
import type { StateCluster, StateClusters } from "./cluster.ts";
import { EMPTY_LOG, type Unreadable, withRecord } from "./copies.ts";
import { Doubt, DOUBT_MS } from "./doubt.ts";
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

export interface FollowOptions {
  readonly onEvent?: (event: FollowEvent) => void;
  /**
   * Told once of each copy, when it was read to its end: what it says, which
   * follows as a state; null: nothing.
   */
  readonly onRead?: (cluster: ClusterName, newest: DrState | null) => void;
  /** Only states of a higher epoch follow: one that was seen already. */
  readonly above?: number;
  /** How long the primary's copy waits for the secondary's, see `DOUBT_MS`. */
  readonly doubtMs?: number;
}

/**
 * Ends when the signal aborts. Epochs may be left out where a topic was
 * compacted, or where only the primary can be read, whose copy may lack some.
 */
export async function* followStates(
  clusters: StateReaders,
  options: FollowOptions,
  signal: AbortSignal,
): AsyncGenerator<DrState> {
  const { above = 0, doubtMs = DOUBT_MS } = options;
  const left = new AbortController();
  const ended = AbortSignal.any([signal, left.signal]);
  const states = new RisingStates(above);
  using doubt = new Doubt(doubtMs);
  ended.addEventListener("abort", () => doubt.end());
  const reading = Promise.all(
    (["primary", "secondary"] as const)
      .map((name) =>
        followOne(clusters, name, { states, doubt }, options, ended)
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
  { doubt, states }: { readonly doubt: Doubt; readonly states: RisingStates },
  { onEvent = () => {}, onRead = () => {} }: FollowOptions,
  signal: AbortSignal,
): Promise<void> {
  let isLive = false;
  let past = EMPTY_LOG;
  const offer = async (state: DrState) => {
    if (name === "primary") await doubt.over;
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
      // After that, so that what the copy says is compared with it.
      if (name === "secondary") doubt.end();
    }
  }
}

/** A queue that takes only what is newer than all before. */
export class RisingStates {
  #waiting: DrState[] = [];
  #highest: number;
  #isEnded = false;
  #news = Promise.withResolvers<void>();

  /** @param above what was taken before */
  constructor(above = 0) {
    this.#highest = above;
  }

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
