/**
 * A client that knows nothing of disaster recovery: it writes logins to one
 * cluster whatever happens, and remembers which were acknowledged. It is kafkajs,
 * so it needs no JVM.
 */
import { Buffer } from "node:buffer";
import { topicsOf } from "./job.ts";
import { loginRecord } from "./login_fixture.ts";
import { pause } from "./pause.ts";
import { quietKafka } from "./quiet_kafkajs.ts";

const EVERY_MS = 50;
const LOGINS = { seed: 1, users: 100 } as const;

export class Stray implements AsyncDisposable {
  /** By number (`event_id`) when it was acknowledged, in ms since the epoch. */
  readonly acknowledged = new Map<number, number>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #next = 0;

  /** @param name of the job whose input it writes. */
  constructor(
    bootstrapServers: string,
    name: string,
    recordsPerSecond: number,
  ) {
    this.#running = this.#run(
      bootstrapServers,
      topicsOf(name).input,
      Math.ceil(recordsPerSecond * EVERY_MS / 1000),
    );
    this.#running.catch(() => {}); // `stop` has the error
  }

  /** No record of this number or above has been sent so far. */
  get next(): number {
    return this.#next;
  }

  /** Sends no more. @throws when a record was not acknowledged. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running.catch(() => {});
  }

  async #run(servers: string, topic: string, records: number): Promise<void> {
    const { signal } = this.#stop;
    const producer = quietKafka(servers).producer({
      // Sending again writes nothing twice.
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    try {
      while (!signal.aborted) {
        const from = this.#next;
        this.#next += records;
        const ids = Array.from({ length: records }, (_, at) => from + at);
        const messages = ids.map((id) => {
          const { key, value } = loginRecord(id, LOGINS);
          return { key, value: value === null ? null : Buffer.from(value) };
        });
        await producer.send({ topic, messages });
        const nowMs = Date.now();
        for (const id of ids) this.acknowledged.set(id, nowMs);
        await pause(EVERY_MS, signal);
      }
    } finally {
      await producer.disconnect();
    }
  }
}
