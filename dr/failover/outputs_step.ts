/** Step `outputs`: finds what is there already, and writes it down. */
import {
  KafkaError,
  ReadError,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import type { DoneInput } from "../../src/pool/done_outputs.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { askRepeatedly, ATTEMPT_MS } from "../cut/requests.ts";
import type { CutStore } from "../cut/mod.ts";
import type { OffsetMap } from "../offset_map/mod.ts";
import type { SenderOptions } from "../sender.ts";
import { topicIdsNow } from "../topics_now.ts";
import { pause, unlessAborted } from "../waits.ts";
import { type DoneTopicParts, writeDone } from "./done_topic.ts";
import type { EarlyOutputs } from "./early_outputs.ts";
import { FailoverError } from "./errors.ts";
import type { OutputCounts } from "./fail_over.ts";
import { OutputFinder } from "./find_outputs.ts";
import { scanAhead, scanOutputs, type ScanReport } from "./scan_outputs.ts";
import {
  committedOf,
  idleGroups,
  mirroredPartitions,
  readCuts,
  REQUEST_MS,
} from "./target.ts";

export interface OutputsStepParts {
  readonly reading: DoneTopicParts;
  /** Of the target, too. */
  readonly writing: SenderOptions;
  readonly targetTopic: (topic: string) => string;
  /** What the lanes say by now. */
  readonly map: (signal: AbortSignal) => Promise<OffsetMap>;
  /** Of the topic that it is written to; no more than there are brokers. */
  readonly replicationFactor: number;
  readonly log: Log;
}

/** A million outputs take some seconds. */
const OUTPUTS_MS = 120_000;
/** A broker that is just not there comes back, or its partitions move. */
const SCAN_AGAIN_MS = 30_000;
const AGAIN_MS = 500;

export class OutputsStep implements AsyncDisposable {
  readonly #parts: OutputsStepParts;
  readonly #closing = new AbortController();
  #early: Promise<EarlyOutputs | null> | null = null;

  constructor(parts: OutputsStepParts) {
    this.#parts = parts;
  }

  /** Begins to read ahead, once. What fails is left to the step. */
  readAhead(): void {
    this.#early ??= this.#readAhead(this.#closing.signal).catch((error) => {
      this.#parts.log.debug("outputs cannot be read ahead", { error });
      return null;
    });
  }

  /** @throws as `scanOutputs`, but for what only leads to repeats. */
  async carryOut(era: number, signal: AbortSignal): Promise<OutputCounts> {
    const { reading, replicationFactor, targetTopic, writing } = this.#parts;
    const { admin } = reading;
    // What is not found by then is done again: nothing is lost by that.
    const late = AbortSignal.timeout(OUTPUTS_MS);
    const map = await this.#parts.map(signal);
    const topics = new Set(
      Array.from(map.partitions(), ({ topic }) => targetTopic(topic)),
    );
    const [targetTopicIds, { brokers, clusterId }] = await Promise.all([
      topicIdsNow(admin, [...topics], signal),
      askRepeatedly(
        () => admin.describeCluster({ timeoutMs: ATTEMPT_MS, signal }),
        REQUEST_MS,
        signal,
      ),
    ]);
    const finder = new OutputFinder({
      map,
      targetTopic,
      targetTopicIds,
      targetClusterId: clusterId ?? "",
    });
    const problems: string[] = [];
    const scanning = patiently(
      (either) => this.#scan(map, finder, problems, either),
      late,
      signal,
    );
    const found = scanning.then(() => finder.found(era));
    found.catch(() => {}); // perhaps it is never asked for
    // Whoever else writes there is fenced while it is looked for.
    const writes = writeDone(
      {
        ...reading,
        replicationFactor: Math.min(replicationFactor, brokers.length),
      },
      writing,
      () => found,
      signal,
    );
    const [scan, written] = await Promise.allSettled([scanning, writes]);
    if (scan.status === "rejected") throw scan.reason;
    if (typeof scan.value === "string") {
      problems.push(`not all outputs that are there are known (${scan.value})`);
    }
    if (written.status === "rejected") {
      signal.throwIfAborted();
      const { reason } = written;
      if (!isOfCluster(reason)) throw reason;
      problems.push(
        `which outputs are there cannot be written down (${reason.message})`,
      );
    }
    const { outputs, records, withoutCut } = typeof scan.value === "string"
      ? NOTHING_SCANNED
      : scan.value;
    const { done, tail } = await found;
    const problem = problems.length === 0
      ? null
      : `results may come twice: ${problems.join("; ")}`;
    return {
      done: countOf(done),
      tail: countOf(tail),
      problem,
      detail: [
        `${outputs} outputs, ${records} records read since the fence`,
        ...withoutCut.length === 0
          ? []
          : [`everything was read for ${withoutCut.join(", ")}`],
        ...finder.unknown === 0
          ? []
          : [`${finder.unknown} of inputs that are not known any more`],
        ...problem === null ? [] : [problem],
      ].join("; "),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new TypeError("this failover is closed"));
    await this.#early;
  }

  async #readAhead(signal: AbortSignal): Promise<EarlyOutputs | null> {
    const map = await this.#parts.map(signal);
    return await scanAhead(await this.#places(map, signal), signal);
  }

  async #scan(
    map: OffsetMap,
    finder: OutputFinder,
    problems: string[],
    signal: AbortSignal,
  ): Promise<ScanReport> {
    const { admin } = this.#parts.reading;
    // It reads what this would read.
    const early = await unlessAborted(Promise.resolve(this.#early), signal);
    return await scanOutputs({
      ...await this.#places(map, signal),
      early,
      finder,
      idleGroups: (each) => idleGroups(admin, each),
      async committedOf(group, each) {
        try {
          return await committedOf(admin, group, each);
        } catch (error) {
          each.throwIfAborted();
          if (!(error instanceof KafkaError)) throw error;
          problems.push(
            `where group ${group} stands is not known (${error.message})`,
          );
          // As if it began anew: what is there need not be sent again.
          return new Map();
        }
      },
    }, signal);
  }

  /** Where to look. */
  async #places(map: OffsetMap, signal: AbortSignal) {
    const { reading, targetTopic } = this.#parts;
    const { admin, consumer, library } = reading;
    const [partitions, store]: [TopicPartition[], CutStore] = await Promise.all(
      [
        mirroredPartitions(admin, map, targetTopic, signal),
        readCuts(reading, signal),
      ],
    );
    const requestMs = REQUEST_MS;
    return {
      admin,
      consumer,
      library,
      partitions,
      requestMs,
      store,
      targetTopic,
    };
  }
}

const NOTHING_SCANNED: ScanReport = { outputs: 0, records: 0, withoutCut: [] };

/**
 * Again while the cluster may come back; what was found before is found again.
 * @param late when the time is over
 * @returns a text: why it did not succeed.
 */
async function patiently(
  scan: (either: AbortSignal) => Promise<ScanReport>,
  late: AbortSignal,
  signal: AbortSignal,
): Promise<ScanReport | string> {
  const beganMs = performance.now();
  const either = AbortSignal.any([signal, late]);
  for (;;) {
    try {
      return await scan(either);
    } catch (error) {
      signal.throwIfAborted();
      if (late.aborted) return `${OUTPUTS_MS / 1000} s were not enough`;
      if (!isOfCluster(error)) throw error;
      const isOver = error instanceof FailoverError ||
        performance.now() - beganMs > SCAN_AGAIN_MS;
      if (isOver) return error.message;
    }
    await pause(AGAIN_MS, either);
  }
}

/** What the cluster that is promoted does not do, and may do later. */
const isOfCluster = (error: unknown): error is Error =>
  error instanceof KafkaError || error instanceof ReadError ||
  error instanceof FailoverError;

const countOf = (
  entries: readonly { readonly outputs: readonly DoneInput[] }[],
): number =>
  entries.flatMap(({ outputs }) => outputs)
    .reduce((sum, [, ...ordinals]) => sum + ordinals.length, 0);
