/**
 * The consumers of the source: one for all lanes, until a topic is created anew.
 *
 * librdkafka keeps the leader epoch of a partition as long as it knows the topic's
 * name. A topic that is created anew begins with epoch 0; where the old one's was
 * higher, the client takes what brokers say of it for outdated and asks in vain for
 * ever, whatever is unassigned and assigned. So a client reads one topic of a name:
 * for the next one there is a new client, and the old one ends with the last lane
 * that it has.
 */
import type { Consumer } from "../../src/kafka/mod.ts";

/** The part of a life of a lane. */
export interface SourceClient {
  readonly consumer: Consumer;
  /**
   * To be asked before partitions of a topic are assigned.
   * @returns false where it has read another topic of that name. Then whoever
   * takes a client from now on gets another one.
   */
  reads(topic: string, topicId: string): boolean;
  /** Nothing of it is used any more. To be called once. */
  release(): void;
}

export interface SourceClientsParts {
  readonly open: () => Consumer;
  /** Serves its events until the signal aborts; it does not reject. */
  readonly serve: (consumer: Consumer, signal: AbortSignal) => Promise<void>;
}

interface Shared {
  readonly consumer: Consumer;
  /** By topic. */
  readonly ids: Map<string, string>;
  readonly stop: AbortController;
  readonly serving: Promise<void>;
  users: number;
}

export class SourceClients implements AsyncDisposable {
  readonly #parts: SourceClientsParts;
  readonly #ending = new Set<Promise<void>>();
  #current: Shared;

  constructor(parts: SourceClientsParts) {
    this.#parts = parts;
    this.#current = this.#open();
  }

  /** For a life that begins now. */
  take(): SourceClient {
    const taken = this.#current;
    taken.users++;
    return {
      consumer: taken.consumer,
      reads: (topic, topicId) => {
        const known = taken.ids.get(topic) ?? topicId;
        taken.ids.set(topic, known);
        if (known === topicId) return true;
        // Another lane may have been here before.
        if (this.#current === taken) this.#current = this.#open();
        return false;
      },
      release: () => {
        taken.users--;
        if (taken.users > 0 || taken === this.#current) return;
        const ending = end(taken).finally(() => this.#ending.delete(ending));
        this.#ending.add(ending);
      },
    };
  }

  /** All lanes must have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([end(this.#current), ...this.#ending]);
  }

  #open(): Shared {
    const consumer = this.#parts.open();
    const stop = new AbortController();
    const serving = this.#parts.serve(consumer, stop.signal);
    return { consumer, ids: new Map(), stop, serving, users: 0 };
  }
}

async function end({ consumer, serving, stop }: Shared): Promise<void> {
  stop.abort(new DOMException("the client is closed", "AbortError"));
  await serving;
  await consumer[Symbol.asyncDispose]();
}
