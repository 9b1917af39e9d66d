/**
 * Releases groups of a complete cut on the target, in this order:
 *
 *     group offsets ──> checkpoints ──> S, and which cut the group stands at
 *
 * What is interrupted is taken up by the next cut: each step leaves less known
 * than there is, and never more.
 */
import { KafkaError, type OutputRecord } from "../../src/kafka/mod.ts";
import { forEachBounded } from "./bounded.ts";
import type { Cut } from "./cut.ts";
import type { CutStore } from "./cut_store.ts";
import type { CheckpointHistory } from "./history.ts";
import {
  type Plan,
  type PlanInput,
  planRelease,
  translateGroup,
} from "./plan.ts";
import type { TargetCluster } from "./target_cluster.ts";
import {
  type Checkpoint,
  offsetIn,
  type OffsetTable,
  type Positions,
  type Translation,
} from "./types.ts";

export interface ReleaserParts {
  readonly target: TargetCluster;
  readonly positions: Positions;
  readonly translation: Translation;
  readonly targetTopic: (topic: string) => string;
  readonly history: CheckpointHistory;
  readonly store: CutStore;
  readonly writeCheckpoints: (
    checkpoints: readonly Checkpoint[],
    signal: AbortSignal,
  ) => Promise<void>;
  readonly writeCuts: (
    records: readonly OutputRecord[],
    signal: AbortSignal,
  ) => Promise<void>;
  /**
   * What has not changed is written again after so long: brokers forget the
   * offsets of groups without members a week after the last commit.
   */
  readonly refreshMs: number;
  /** False: checkpoints alone, as MirrorMaker 2 does by default. */
  readonly setsGroupOffsets: boolean;
}

export interface ReleaseReport {
  /** Stand on the target wholly as in the cut. */
  readonly released: readonly string[];
  /** Have members on the target and are left alone. */
  readonly active: readonly string[];
  /** By group; tried again with the next cut. */
  readonly failed: ReadonlyMap<string, string>;
  /** By group that was asked for and had something to write or to withhold. */
  readonly plans: ReadonlyMap<string, Plan>;
}

interface Done {
  readonly kind: "released" | "partly" | "active";
  /** Null: nothing had changed. */
  readonly plan: Plan | null;
}

const GROUPS_AT_ONCE = 16;

export class Releaser {
  readonly #parts: ReleaserParts;

  constructor(parts: ReleaserParts) {
    this.#parts = parts;
  }

  /**
   * @param groups of the cut, complete
   * @param nowMs of the clock that the history uses
   * @throws {KafkaError} when the target does not answer; the signal's reason.
   */
  async release(
    cut: Cut,
    groups: readonly string[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<ReleaseReport> {
    const { setsGroupOffsets, store, target, writeCuts } = this.#parts;
    const activeGroups = setsGroupOffsets
      ? await target.activeGroups(signal)
      : new Set<string>();
    const released: string[] = [];
    const active: string[] = [];
    const failed = new Map<string, string>();
    const plans = new Map<string, Plan>();
    await forEachBounded(groups, GROUPS_AT_ONCE, async (group) => {
      try {
        const isActive = activeGroups.has(group);
        const done = await this.#one(group, cut, isActive, nowMs, signal);
        if (done.plan !== null) plans.set(group, done.plan);
        if (done.kind === "released") released.push(group);
        else if (done.kind === "active") active.push(group);
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        failed.set(group, error.message);
      }
    });
    const id = String(cut.sampledAtMs);
    const known = new Set([...cut.groups.keys(), ...cut.failed.keys()]);
    const records = store.release(id, this.#stableOf(cut), released, known);
    await writeCuts(records, signal);
    store.written(records);
    return { released, active, failed, plans };
  }

  async #one(
    group: string,
    cut: Cut,
    isActive: boolean,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<Done> {
    const { history, refreshMs, setsGroupOffsets, target } = this.#parts;
    const isDue = history.isDue(group, nowMs, refreshMs);
    const input: PlanInput = {
      ...this.#parts,
      group,
      cut,
      last: (topic, partition) => history.last(group, topic, partition),
      isDue,
    };
    const translations = translateGroup(input);
    const { isChanged, withheld } = translations;
    const isQuiet = !isChanged && !isDue && !isActive && setsGroupOffsets &&
      withheld.length === 0 && cut.groups.get(group)!.isWhole;
    if (isQuiet && history.isWhole(group)) {
      return { kind: "released", plan: null };
    }
    const isTheirs = isActive || !setsGroupOffsets;
    const offsets = isTheirs ? [] : await target.committed(group, signal);
    const there = { isActive: isTheirs, offsets };
    const plan = planRelease(translations, there, input);
    const outcome = await target.commit(group, plan.writes, signal);
    if (outcome.kind === "failed") throw outcome.error;
    await this.#noteCheckpoints(plan.checkpoints, signal);
    if (isDue) history.noteRefresh(group, nowMs);
    const hasJoined = isActive || outcome.kind === "active";
    const isWhole = plan.isWhole && !hasJoined;
    history.noteRelease(group, isWhole);
    const kind = hasJoined ? "active" : isWhole ? "released" : "partly";
    return { kind, plan };
  }

  async #noteCheckpoints(
    checkpoints: readonly Checkpoint[],
    signal: AbortSignal,
  ): Promise<void> {
    const { history, writeCheckpoints } = this.#parts;
    await writeCheckpoints(checkpoints, signal);
    for (const each of checkpoints) history.note(each);
  }

  /** S on the target. Lower bounds do: a pool would only look further back. */
  #stableOf({ ends, stable }: Cut): OffsetTable {
    const { positions, targetTopic, translation } = this.#parts;
    const table = new Map<string, (number | null)[]>();
    for (const [topic, of] of ends) {
      table.set(
        targetTopic(topic),
        Array.from(of, (_, partition) => {
          const tp = { topic, partition };
          const upstream = offsetIn(stable, tp);
          const position = positions.position(tp);
          if (upstream === null || position === null) return null;
          const at = Math.min(upstream, position);
          return translation.translate(tp, at)?.offset ?? null;
        }),
      );
    }
    return table;
  }
}
