/** The load of a drill: numbered inputs, sent to whichever cluster is active. */
import type { ClusterName } from "../../../dr/state/mod.ts";
import type { Load, Sent } from "../../../dr/drill/mod.ts";
import { pause } from "../../../dr/waits.ts";
import { Pace } from "../../embedded/pace.ts";
import { Random } from "../../embedded/random.ts";
import { type Library, Outbox, Producer } from "../../kafka/mod.ts";
import type { ProducerProperties } from "../../kafka/mod.ts";

export interface GeneratorOptions {
  readonly library: Library;
  readonly clusters: Readonly<Record<ClusterName, ProducerProperties>>;
  readonly topic: string;
  /** Null: nowhere just now. */
  readonly active: () => ClusterName | null;
}

const SLICE_MS = 10;
/** What is not acknowledged by then is given up, and may be there or not. */
const MESSAGE_MS = 3_000;
const RECONNECT_MS = 300;
/** A stall of the cluster has ended by then, or is none. */
const MOST_STALL_MS = 10_000;
const MOST_OUTPUTS = 3;

type Entry = { -readonly [Name in keyof Sent]: Sent[Name] };

interface Target {
  readonly producer: Producer;
  readonly outbox: Outbox;
}

export class Generator implements AsyncDisposable {
  readonly #options: GeneratorOptions;
  readonly #targets: Readonly<Record<ClusterName, Target>>;
  readonly #stop = new AbortController();
  readonly #sent: Entry[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(options: GeneratorOptions) {
    this.#options = options;
    this.#targets = {
      primary: this.#open("primary"),
      secondary: this.#open("secondary"),
    };
  }

  start(load: Load, seed: number): void {
    this.#running = this.#run(load, seed);
  }

  /**
   * Goes on until something is acknowledged once more: whoever stops in a stall
   * would not see that it ends.
   * @returns all that was sent, once each was answered or given up.
   */
  async stop(): Promise<readonly Sent[]> {
    const first = this.#sent.length;
    const end = AbortSignal.any([
      this.#stop.signal,
      AbortSignal.timeout(MOST_STALL_MS),
    ]);
    const isTaken = () =>
      this.#sent.slice(first).some((each) => each.acknowledgedMs !== null);
    while (!end.aborted && !isTaken()) await pause(SLICE_MS, end);
    this.#stop.abort();
    await this.#running;
    return this.#sent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    for (const { outbox, producer } of Object.values(this.#targets)) {
      outbox[Symbol.dispose]();
      await producer[Symbol.asyncDispose]();
    }
  }

  async #run(load: Load, seed: number): Promise<void> {
    const { signal } = this.#stop;
    const pace = new Pace(load.perSecond, performance.now());
    for (; !signal.aborted; await pause(SLICE_MS, signal)) {
      const count = pace.take(performance.now(), Infinity);
      const cluster = this.#options.active();
      if (cluster !== null) this.#send(cluster, count, load.keys, seed);
      this.#collect();
    }
    const targets = Object.values(this.#targets);
    while (targets.some(({ outbox }) => outbox.pendingRecords > 0)) {
      this.#collect();
      await new Promise((resolve) => setTimeout(resolve, SLICE_MS));
    }
  }

  #send(
    cluster: ClusterName,
    count: number,
    keys: number,
    seed: number,
  ): void {
    const { topic } = this.#options;
    const { outbox } = this.#targets[cluster];
    for (let left = count; left > 0; left--) {
      const id = this.#sent.length;
      const random = new Random(seed, id);
      const key = `key-${random.below(keys)}`;
      const outputs = random.below(MOST_OUTPUTS + 1);
      this.#sent.push({
        id,
        key,
        outputs,
        cluster,
        sentMs: Date.now(),
        acknowledgedMs: null,
      });
      outbox.add(0, id, { topic, key, value: JSON.stringify({ id, outputs }) });
    }
    if (count > 0) outbox.send();
  }

  /** What clients say of a cluster that is down is part of the drill. */
  #collect(): void {
    for (const { outbox } of Object.values(this.#targets)) outbox.collect();
  }

  #open(cluster: ClusterName): Target {
    const { clusters, library } = this.#options;
    const producer = new Producer(library, {
      ...clusters[cluster],
      "enable.idempotence": true,
      "linger.ms": 5,
      "message.timeout.ms": MESSAGE_MS,
      // What is judged is the cluster, and not how long this client waits.
      "reconnect.backoff.max.ms": RECONNECT_MS,
    });
    const outbox = new Outbox(
      library,
      producer.port,
      (_owner, id, code) => {
        if (code === 0) this.#sent[id]!.acknowledgedMs = Date.now();
      },
    );
    return { producer, outbox };
  }
}
