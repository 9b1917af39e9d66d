/**
 * Sets offsets of groups that have no members, in transactions of one id.
 *
 * An admin client's request would do too, but nothing ends it: one that a mirror
 * sent before the target was promoted, or sends when it wakes up long after,
 * could come when the group is empty for a moment and throw it back. So whoever
 * ends the mirror's era initialises the id (dr/failover), and then:
 *
 *     a transaction that is open        is aborted, and its offsets with it
 *     one that is begun later           is refused: the producer is fenced
 *     a producer that is made anew      sees the end of the era before it begins
 */
import {
  GroupMembership,
  isFencedMember,
  KafkaError,
} from "../../src/kafka/mod.ts";
import { Serial } from "../../src/pool/serial.ts";
import { Sender, type SenderOptions, transactional } from "../sender.ts";
import type { Commitment } from "./target_cluster.ts";
import type { GroupOffset } from "./types.ts";

export interface GroupWriterOptions extends SenderOptions {
  /** Whoever initialises it takes the right to write over. */
  readonly transactionalId: string;
  /**
   * Asked when the id has been initialised.
   * @throws where it was not to be taken over, and the signal's reason.
   */
  readonly expectOurs: (signal: AbortSignal) => Promise<void>;
}

const REQUEST_MS = 5_000;

export class GroupWriter implements AsyncDisposable {
  readonly #options: GroupWriterOptions;
  readonly #serial = new Serial();
  #sender: Sender | null = null;

  constructor(options: GroupWriterOptions) {
    this.#options = options;
  }

  /** @throws what `expectOurs` throws; the signal's reason. */
  commit(
    group: string,
    offsets: readonly GroupOffset[],
    signal: AbortSignal,
  ): Promise<Commitment> {
    return this.#serial.run(async () => {
      signal.throwIfAborted();
      try {
        this.#sender ??= await this.#begin(signal);
        return await this.#write(this.#sender, group, offsets, signal);
      } catch (error) {
        await this.#discard();
        signal.throwIfAborted();
        if (!(error instanceof KafkaError)) throw error;
        return { kind: "failed", error };
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serial.run(() => this.#discard());
  }

  async #begin(signal: AbortSignal): Promise<Sender> {
    const { expectOurs, properties, transactionalId } = this.#options;
    await using stack = new AsyncDisposableStack();
    const sender = stack.use(
      new Sender({
        ...this.#options,
        properties: transactional(properties, transactionalId),
      }),
    );
    await sender.initTransactions(REQUEST_MS, signal);
    await expectOurs(signal);
    stack.move();
    return sender;
  }

  async #write(
    sender: Sender,
    group: string,
    offsets: readonly GroupOffset[],
    signal: AbortSignal,
  ): Promise<Commitment> {
    const { producer } = sender;
    producer.beginTransaction();
    const outside = GroupMembership.outside(this.#options.library, group);
    try {
      await sender.sendOffsets(outside, offsets, REQUEST_MS, signal);
    } catch (error) {
      const hasMembers = error instanceof KafkaError &&
        isFencedMember(error.code);
      if (!hasMembers) throw error;
      await sender.abortTransaction(REQUEST_MS, signal);
      return { kind: "active" };
    }
    await sender.serving(producer.commitTransaction(REQUEST_MS), signal);
    return { kind: "committed" };
  }

  async #discard(): Promise<void> {
    const sender = this.#sender;
    this.#sender = null;
    await sender?.[Symbol.asyncDispose]();
  }
}
