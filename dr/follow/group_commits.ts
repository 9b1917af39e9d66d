/**
 * What a group member commits of the records that it has taken, by itself or as
 * a part of a transaction, and only while they are its own.
 */
import {
  type Consumer,
  type GroupMembership,
  isFencedMember,
  KafkaError,
  type PartitionOffset,
} from "../../src/kafka/mod.ts";
import { topicIdsOf } from "../../src/pool/topic_ids.ts";
import { pause, unlessAborted } from "../waits.ts";
import { FollowError } from "./errors.ts";
import type { Ownership } from "./ownerships.ts";
import type { FollowedRecord } from "./records.ts";

/** Records of several ownerships. */
export interface Taken {
  readonly records: readonly FollowedRecord[];
  /** The first offset of each. */
  readonly firsts: ReadonlyMap<Ownership, number>;
  /** What their commit is: the next offset of each. */
  readonly positions: ReadonlyMap<Ownership, number>;
}

/** Whose commit a transaction makes part of itself (KIP-447). */
export interface OffsetsTransaction {
  /** @param member taken over; brokers refuse one that the group has left */
  sendOffsets(
    member: GroupMembership,
    offsets: readonly PartitionOffset[],
  ): Promise<void>;
  commit(): Promise<void>;
}

export interface GroupCommitsParts {
  readonly consumer: Consumer;
  /** Its reason is a FollowError `stale`. */
  readonly stopped: AbortSignal;
  /** Why the member cannot go on; null: it can. */
  readonly failure: () => Error | null;
  readonly onCommitted: (taken: Taken) => void;
}

const RETRY_MS = 100;

export class GroupCommits {
  readonly #parts: GroupCommitsParts;
  /** Under which the group has given us our partitions. */
  #memberId = "";
  /** As topics had them when their partitions were given to us. */
  readonly #topicIds = new WeakMap<Ownership, string>();

  constructor(parts: GroupCommitsParts) {
    this.#parts = parts;
  }

  /** The group gives us partitions under this name. */
  joinedAs(memberId: string): void {
    this.#memberId = memberId;
  }

  /**
   * Commits on this cluster, again and again until it is done.
   * @throws {FollowError} `stale` once this reader was stopped, or where some
   * partitions belong to another member; {KafkaError} where the cluster refuses;
   * the signal's reason.
   */
  async commit(taken: Taken, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#parts.stopped]);
    try {
      while (!await this.#commit(taken, either)) await pause(RETRY_MS, either);
    } catch (error) {
      this.#throwIfStopped();
      throw error;
    }
    this.#parts.onCommitted(taken);
    const lost = [...taken.positions]
      .filter(([{ committed, isOver }, next]) => isOver && committed < next)
      .map(([ownership]) => ownership);
    if (lost.length > 0) throw takenAway(lost);
  }

  /**
   * Commits as a part of a transaction. Brokers fence generations of a member
   * and no partitions of it, so it is seen to before each step that all records
   * still belong to this one.
   * @throws {FollowError} `stale` where they do not, or once this reader was
   * stopped; what the transaction throws.
   */
  async commitIn(
    taken: Taken,
    transaction: OffsetsTransaction,
  ): Promise<void> {
    this.#throwIfStopped();
    // Before it is looked at: what is lost after this is fenced by the brokers.
    const member = this.#parts.consumer.membership();
    try {
      this.mustOwn(taken);
      this.#mustBeMember(member);
    } catch (error) {
      member[Symbol.dispose]();
      throw error;
    }
    const offsets = [...taken.positions]
      .map(([{ tp }, offset]) => ({ ...tp, offset }));
    await transaction.sendOffsets(member, offsets);
    this.mustOwn(taken);
    await transaction.commit();
    for (const [ownership, next] of taken.positions) {
      ownership.committed = next;
    }
    this.#parts.onCommitted(taken);
  }

  /**
   * Of the records' topics, by name. A topic that is created again has another
   * one, and other records.
   * @throws {KafkaError} where the cluster does not say it; the signal's reason.
   */
  async topicIdsOf(
    { positions }: Taken,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    const owned = [...positions.keys()];
    const unknown = owned.filter((each) => !this.#topicIds.has(each));
    if (unknown.length > 0) {
      const topics = unknown.map(({ tp }) => tp.topic);
      const ids = await topicIdsOf(this.#parts.consumer, topics, signal);
      for (const each of unknown) {
        this.#topicIds.set(each, ids.get(each.tp.topic)!);
      }
    }
    return new Map(
      owned.map((each) => [each.tp.topic, this.#topicIds.get(each)!]),
    );
  }

  /** @throws {FollowError} `stale` where it is not all ours any more. */
  mustOwn({ positions }: Taken): void {
    this.#throwIfStopped();
    const lost = [...positions.keys()].filter(({ isOver }) => isOver);
    if (lost.length > 0) throw takenAway(lost);
  }

  /** Whether nothing is left to commit. */
  async #commit(
    { positions }: Taken,
    signal: AbortSignal,
  ): Promise<boolean> {
    signal.throwIfAborted();
    const failure = this.#parts.failure();
    if (failure !== null) throw failure;
    const due = [...positions].filter(([{ committed, isOver }, next]) =>
      !isOver && committed < next
    );
    if (due.length === 0) return true;
    try {
      const answers = await unlessAborted(
        this.#parts.consumer.commit(
          due.map(([{ tp }, offset]) => ({ ...tp, offset })),
        ),
        signal,
      );
      answers.forEach(({ error }, index) => {
        const [ownership, next] = due[index]!;
        if (error === null) {
          ownership.committed = Math.max(ownership.committed, next);
        } else if (!mayPass(error)) throw error;
      });
      return answers.every(({ error }) => error === null);
    } catch (error) {
      if (!(error instanceof KafkaError && mayPass(error))) throw error;
      return false;
    }
  }

  #throwIfStopped(): void {
    this.#parts.stopped.throwIfAborted();
  }

  /** Offsets of no member at all would not be fenced by anybody. */
  #mustBeMember({ isMember, memberId }: GroupMembership): void {
    const isOurs = isMember && memberId === this.#memberId &&
      !this.#parts.consumer.assignmentLost;
    if (isOurs) return;
    throw new FollowError("stale", "not committed, for the group dropped us");
  }
}

const takenAway = (lost: readonly Ownership[]) => {
  const names = lost.map(({ tp: { partition, topic } }) =>
    `${topic} [${partition}]`
  );
  return new FollowError(
    "stale",
    `not committed, for the group has taken them away: ${names.join(", ")}`,
  );
};

/** Whether the next commit may fare better, or a rebalance tell why not. */
const mayPass = ({ code, retriable }: KafkaError) =>
  retriable || isFencedMember(code);
