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
  type ConsumerProperties,
  headerName,
  type Library,
  ReadError,
  readTopics,
  type TopicPartition,
  type TopicRange,
} from "../../src/kafka/mod.ts";
import {
  type Coordinates,
  COORDINATES_HEADER,
  coordinatesIn,
} from "../../src/pool/coordinates.ts";
import {
  BEFORE_HEADER,
  parsePlaces,
  type Place,
} from "../../src/pool/places.ts";
import type { CutStore, OffsetTable } from "../cut/mod.ts";
import { offsetIn } from "../cut/mod.ts";
import { forEachBounded } from "../cut/bounded.ts";
import { earliestOffsets, latestOffsets } from "../cut/requests.ts";
import { idOf } from "../mirror/names.ts";
import type { Committed, OutputFinder } from "./find_outputs.ts";

export interface ScanParts {
  readonly library: Library;
  /** Both of the target. */
  readonly admin: Admin;
  readonly consumer: ConsumerProperties;
  readonly partitions: readonly TopicPartition[];
  readonly store: Pick<CutStore, "groups" | "stables">;
  readonly finder: Pick<OutputFinder, "take">;
  /** Of the mirror to the target. */
  readonly targetTopic: (topic: string) => string;
  /** On the target, without members. */
  readonly idleGroups: (signal: AbortSignal) => Promise<readonly string[]>;
  readonly committedOf: (
    group: string,
    signal: AbortSignal,
  ) => Promise<Committed>;
  readonly requestMs: number;
}

export interface ScanReport {
  readonly records: number;
  /** Of these, those that carry coordinates. */
  readonly outputs: number;
  /** Because of them everything was looked through. */
  readonly withoutCut: readonly string[];
}

const HEADER = headerName(COORDINATES_HEADER);
const BEFORE = headerName(BEFORE_HEADER);
const GROUPS_AT_ONCE = 16;

/**
 * @throws {KafkaError | ReadError | FailoverError} where some is not known; the
 * rest was looked through. The signal's reason.
 */
export async function scanOutputs(
  parts: ScanParts,
  signal: AbortSignal,
): Promise<ScanReport> {
  const { admin, partitions, requestMs, store } = parts;
  const [ends, begins] = await Promise.all([
    latestOffsets(admin, partitions, true, requestMs, signal),
    earliestOffsets(admin, partitions, requestMs, signal),
  ]);
  const ranges = rangesOf(partitions, begins, ends, store.stables());
  const atCuts = new Set(store.groups);
  const scan = new Scan(parts);
  await scan.read(ranges.above, () => true, signal);
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
    const { consumer, finder, library, targetTopic } = this.#parts;
    const batches = readTopics({
      library,
      properties: consumer,
      ranges,
      signal,
    });
    for await (const batch of batches) {
      this.records += batch.count;
      const found: [Coordinates, Place[]][] = [];
      for (let index = 0; index < batch.count; index++) {
        const text = batch.headerText(index, HEADER);
        if (text === null) continue;
        const { topic } = batch.tp(index);
        const coordinates = coordinatesIn(topic, text, targetTopic);
        if (coordinates !== null && isWanted(coordinates)) {
          const before = parsePlaces(batch.headerText(index, BEFORE));
          found.push([coordinates, before]);
        }
      }
      this.outputs += found.length;
      for (const [each, before] of found) {
        finder.take(each, before, await this.#committedOf(each.group, signal));
      }
    }
    // Reading ends early then, and says nothing.
    signal.throwIfAborted();
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
