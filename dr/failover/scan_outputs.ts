/**
 * Looks for coordinates of outputs on the target, from S to the end:
 *
 *     beginning ......... S ............................ last stable offset
 *       of inputs below p   of inputs below p, of others, of ones in the tail
 *
 * S and p are those of the cut at which a group was released last (dr/cut). A
 * group that stands at no cut has no S. Where it has no position on the target
 * either, it began after the last cut, and its outputs lie above S all the same;
 * else the rest is looked through as well, whether something of it was met above
 * or not. A group that has members on the target is at work there already, and
 * goes on as it does: most are readers that give nothing.
 */
import {
  type Admin,
  ReadError,
  type TopicPartition,
  type TopicRange,
} from "../../src/kafka/mod.ts";
import type { Coordinates } from "../../src/pool/coordinates.ts";
import type { CutStore, OffsetTable } from "../cut/mod.ts";
import { offsetIn } from "../cut/mod.ts";
import { forEachBounded } from "../cut/bounded.ts";
import { earliestOffsets, latestOffsets } from "../cut/requests.ts";
import { idOf } from "../mirror/names.ts";
import { EarlyOutputs, leftToRead } from "./early_outputs.ts";
import type { Committed, OutputFinder } from "./find_outputs.ts";
import {
  type FoundOutput,
  readOutputs,
  type ReadOutputsParts,
} from "./read_outputs.ts";

/** Of the target. */
export interface ScanAheadParts extends ReadOutputsParts {
  readonly admin: Admin;
  readonly partitions: readonly TopicPartition[];
  readonly store: Pick<CutStore, "groups" | "stables">;
  readonly requestMs: number;
}

export interface ScanParts extends ScanAheadParts {
  readonly finder: Pick<OutputFinder, "take">;
  /** What was read ahead; null: nothing was. */
  readonly early: EarlyOutputs | null;
  /** On the target, without members. */
  readonly idleGroups: (signal: AbortSignal) => Promise<readonly string[]>;
  readonly committedOf: (
    group: string,
    signal: AbortSignal,
  ) => Promise<Committed>;
}

export interface ScanReport {
  readonly records: number;
  /** Of these, those that carry coordinates. */
  readonly outputs: number;
  /** Because of them everything was looked through. */
  readonly withoutCut: readonly string[];
}

const GROUPS_AT_ONCE = 16;
/** More are left to the scan: it may never come to it. */
const MOST_EARLY_RECORDS = 500_000;

/**
 * Reads now what the scan will ask for, unless that is too much.
 * @returns null: it is.
 * @throws as `scanOutputs`.
 */
export async function scanAhead(
  parts: ScanAheadParts,
  signal: AbortSignal,
): Promise<EarlyOutputs | null> {
  const { above } = await rangesNow(parts, signal);
  const records = above.reduce((sum, { end, start }) => sum + end - start, 0);
  if (records > MOST_EARLY_RECORDS) return null;
  const early = new EarlyOutputs(above);
  for await (const { outputs } of readOutputs(parts, above, signal)) {
    for (const each of outputs) early.add(each);
  }
  return early;
}

/**
 * @throws {KafkaError | ReadError | FailoverError} where some is not known; the
 * rest was looked through. The signal's reason.
 */
export async function scanOutputs(
  parts: ScanParts,
  signal: AbortSignal,
): Promise<ScanReport> {
  const { early, partitions, store } = parts;
  const { ends, ...ranges } = await rangesNow(parts, signal);
  const atCuts = new Set(store.groups);
  const scan = new Scan(parts);
  const left = early && leftToRead(ranges.above, ends, early.ranges);
  if (early !== null && left !== null) await scan.take(early, signal);
  await scan.read(left ?? ranges.above, () => true, signal);
  if (ranges.below.length > 0) await scan.learn(atCuts, signal);
  const those = ranges.below.length === 0
    ? []
    : withoutCut(scan.committed, atCuts, partitions);
  if (those.length > 0) {
    const wanted = new Set(those);
    await scan.read(ranges.below, ({ group }) => wanted.has(group), signal);
  }
  const [lost] = ranges.unknown;
  if (lost !== undefined) {
    throw new ReadError(
      `where ${lost.topic} [${lost.partition}] begins or ends is not known` +
        (ranges.unknown.length === 1
          ? ""
          : `, nor of ${ranges.unknown.length - 1} more partitions`),
    );
  }
  return { records: scan.records, outputs: scan.outputs, withoutCut: those };
}

async function rangesNow(
  { admin, partitions, requestMs, store }: ScanAheadParts,
  signal: AbortSignal,
): Promise<ReturnType<typeof rangesOf> & { readonly ends: OffsetTable }> {
  const [ends, begins] = await Promise.all([
    latestOffsets(admin, partitions, true, requestMs, signal),
    earliestOffsets(admin, partitions, requestMs, signal),
  ]);
  return { ...rangesOf(partitions, begins, ends, store.stables()), ends };
}

/**
 * Groups that stand at no cut and have positions in these partitions, so that
 * outputs of what they read next may lie below S. Pure.
 */
export function withoutCut(
  committed: ReadonlyMap<string, Committed>,
  atCuts: ReadonlySet<string>,
  partitions: readonly TopicPartition[],
): string[] {
  const ids = partitions.map(idOf);
  return [...committed]
    .filter(([group, of]) => !atCuts.has(group) && ids.some((id) => of.has(id)))
    .map(([group]) => group);
}

/**
 * What lies above the lowest S, and below it, and of which that is not known,
 * for want of a leader. Pure.
 * @param stables null: one that is not known.
 */
export function rangesOf(
  partitions: readonly TopicPartition[],
  begins: OffsetTable,
  ends: OffsetTable,
  stables: readonly (OffsetTable | null)[],
): {
  readonly above: TopicRange[];
  readonly below: TopicRange[];
  readonly unknown: TopicPartition[];
} {
  const unknown: TopicPartition[] = [];
  const above: TopicRange[] = [];
  const below: TopicRange[] = [];
  for (const tp of partitions) {
    const first = offsetIn(begins, tp);
    const end = offsetIn(ends, tp);
    if (first === null || end === null) {
      unknown.push(tp);
      continue;
    }
    const known = stables.map((table) => table && offsetIn(table, tp));
    const lowest = known.length === 0
      ? first
      : Math.min(...known.map((each) => each ?? first));
    const start = Math.min(Math.max(first, lowest), end);
    if (start < end) above.push({ ...tp, start, end });
    if (first < start) below.push({ ...tp, start: first, end: start });
  }
  return { above, below, unknown };
}

class Scan {
  readonly #parts: ScanParts;
  readonly #committed = new Map<string, Committed>();
  records = 0;
  outputs = 0;

  constructor(parts: ScanParts) {
    this.#parts = parts;
  }

  /** Of the groups that were asked for by now. */
  get committed(): ReadonlyMap<string, Committed> {
    return this.#committed;
  }

  /** Asks for groups that give nothing above S. */
  async learn(atCuts: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const idle = await this.#parts.idleGroups(signal);
    await forEachBounded(
      idle.filter((group) => !atCuts.has(group)),
      GROUPS_AT_ONCE,
      async (group) => {
        await this.#committedOf(group, signal);
      },
    );
  }

  async read(
    ranges: readonly TopicRange[],
    isWanted: (coordinates: Coordinates) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const found = readOutputs(this.#parts, ranges, signal);
    for await (const { outputs, records } of found) {
      this.records += records;
      await this.take(
        outputs.filter(([coordinates]) => isWanted(coordinates)),
        signal,
      );
    }
  }

  async take(
    outputs: Iterable<FoundOutput>,
    signal: AbortSignal,
  ): Promise<void> {
    const { finder } = this.#parts;
    for (const [each, before] of outputs) {
      this.outputs++;
      const committed = this.#committed.get(each.group) ??
        await this.#committedOf(each.group, signal);
      finder.take(each, before, committed);
    }
  }

  async #committedOf(group: string, signal: AbortSignal): Promise<Committed> {
    let committed = this.#committed.get(group);
    if (committed === undefined) {
      committed = await this.#parts.committedOf(group, signal);
      this.#committed.set(group, committed);
    }
    return committed;
  }
}
