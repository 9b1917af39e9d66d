/** Who is to know what the worker threads say. */
import { ErrorCode } from "../kafka/mod.ts";
import type { Log } from "../telemetry/log.ts";
import { abandoned } from "../telemetry/spans.ts";
import type { Deferrals } from "./deferrals.ts";
import type { Membership } from "./membership.ts";
import type { Partitions } from "./partitions.ts";
import type { Pauses } from "./pauses.ts";
import type { PoolSpans } from "./pool_spans.ts";
import type { FromWorker, Position } from "./protocol.ts";
import type { Sample } from "./status.ts";
import type { Supervision } from "./supervision.ts";
import type { WorkerThread } from "./thread.ts";
import type { Transactions } from "./transactions.ts";

export interface DispatchParts {
  readonly partitions: Partitions;
  readonly pauses: Pauses;
  readonly deferrals: Deferrals;
  /** Null: at least once. */
  readonly transactions: Transactions | null;
  readonly supervision: Supervision;
  readonly membership: Membership;
  readonly log: Log;
  /** Null: nobody takes spans. */
  readonly spans: PoolSpans | null;
  /** The pool cannot go on. */
  readonly end: (reason: string) => void;
}

const SAMPLES = 5;

export class Dispatch {
  readonly #parts: DispatchParts;
  readonly #samples: Sample[] = [];

  constructor(parts: DispatchParts) {
    this.#parts = parts;
  }

  /** The newest last. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  receive(thread: WorkerThread, message: FromWorker): void {
    const { deferrals, log, membership, spans } = this.#parts;
    switch (message.kind) {
      case "settled":
        spans?.settled(message.traces);
        message.partitions.forEach((each) => this.#settled(each));
        break;
      case "released":
        for (const { notBeforeMs, ...position } of message.partitions) {
          if (notBeforeMs === undefined) this.#settled(position);
          else deferrals.defer(position, notBeforeMs);
        }
        break;
      case "deferring":
        deferrals.announce(message.ownership);
        break;
      case "commit":
        this.#transact(thread, message);
        break;
      case "fetchFailed":
        this.#fetchFailed(message);
        break;
      case "log": {
        const { level, message: text, fields } = message.line;
        log[level](text, fields);
        break;
      }
      case "spans":
        spans?.passOn(message.spans, message.dropped);
        break;
      case "sample":
        this.#samples.push(message.sample);
        if (this.#samples.length > SAMPLES) this.#samples.shift();
        break;
      case "tokenRefresh":
        membership.refreshToken(thread.producer, message.config);
        break;
      default:
        break; // the thread itself has served the others
    }
  }

  #settled(position: Position): void {
    const partition = this.#parts.partitions.settle(position);
    if (partition !== undefined) this.#parts.pauses.judge(partition);
  }

  #fetchFailed(
    { ownership, code, message }: FromWorker & { kind: "fetchFailed" },
  ): void {
    const { end, log, membership, partitions } = this.#parts;
    if (!partitions.isCurrent(ownership)) return;
    switch (code) {
      case ErrorCode.autoOffsetReset:
      case ErrorCode.offsetOutOfRange:
        membership.resetOffset(ownership);
        break;
      case ErrorCode.topicAuthorizationFailed:
        end(message);
        break;
      default:
        log.warn("fetch", { error: message });
    }
  }

  async #transact(
    thread: WorkerThread,
    { partitions, spans = [], traces }: FromWorker & { kind: "commit" },
  ): Promise<void> {
    const { spans: out, supervision, transactions } = this.#parts;
    try {
      await transactions?.commitOf(thread, partitions, traces);
    } catch (error) {
      out?.passOn(spans.map(abandoned));
      const reason = error instanceof Error ? error.message : String(error);
      await supervision.giveUp(thread, reason);
      return;
    }
    thread.committed();
    out?.passOn(spans);
  }
}
