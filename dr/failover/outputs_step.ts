/** Step `outputs`: finds what is there already, and writes it down. */
import { KafkaError, type TopicPartition } from "../../src/kafka/mod.ts";
import type { DoneInput } from "../../src/pool/done_outputs.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { askRepeatedly, ATTEMPT_MS } from "../cut/requests.ts";
import type { CutStore } from "../cut/mod.ts";
import type { OffsetMap } from "../offset_map/mod.ts";
import type { SenderOptions } from "../sender.ts";
import { topicIdsNow } from "../topics_now.ts";
import { unlessAborted } from "../waits.ts";
import { type DoneTopicParts, writeDone } from "./done_topic.ts";
import type { EarlyOutputs } from "./early_outputs.ts";
import type { OutputCounts } from "./fail_over.ts";
import { OutputFinder } from "./find_outputs.ts";
import { isOfCluster, type Look, lookPatiently } from "./look_patiently.ts";
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
    const targetClusterId = clusterId ?? "";
    const parts = { map, targetTopic, targetTopicIds, targetClusterId };
    const looking = lookPatiently(
      () => new OutputFinder(parts),
      (look, either) => this.#scan(map, look, either),
      signal,
    );
    const found = looking.then(({ finder }) => finder.found(era));
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
    const [looked, written] = await Promise.allSettled([looking, writes]);
    if (looked.status === "rejected") throw looked.reason;
    const { problems, report } = looked.value;
    if (written.status === "rejected") {
      signal.throwIfAborted();
      const { reason } = written;
      if (!isOfCluster(reason)) throw reason;
      problems.push(
        `which outputs are there cannot be written down (${reason.message})`,
      );
    }
    const { outputs, records, withoutCut } = report;
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
    { finder, problems }: Look,
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

const countOf = (
  entries: readonly { readonly outputs: readonly DoneInput[] }[],
): number =>
  entries.flatMap(({ outputs }) => outputs)
    .reduce((sum, [, ...ordinals]) => sum + ordinals.length, 0);
