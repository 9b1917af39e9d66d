/** The latest vote of each voter, and what is known of the broker's clock. Pure. */
import { decodeVote } from "./codec.ts";
import type { Unreadable } from "./copies.ts";
import type { TopicRecord } from "./read_log.ts";
import type { StampedVote } from "./types.ts";

/** Votes of this age are forgotten, here as in the topic. */
export const VOTE_RETENTION_MS = 3_600_000;

export interface Ballot {
  /** One a voter. */
  readonly votes: readonly StampedVote[];
  /**
   * The time of the newest vote, which the broker's clock has passed; null:
   * there was none. The clock may be ahead of it by as much as has passed since
   * that vote was acknowledged, so votes may be that much older than they seem:
   * cast one's own, await it, and read then. Where that fails nothing is known
   * of how old they are.
   *
   * Votes are stamped by the partition's leader. Where the lead moves to a
   * broker with a slower clock this stands still until that one has caught up.
   */
  readonly brokerNowMs: number | null;
}

export class VoteTable {
  readonly #votes = new Map<string, StampedVote>();
  #nowMs: number | null = null;

  get ballot(): Ballot {
    return { votes: [...this.#votes.values()], brokerNowMs: this.#nowMs };
  }

  /** @returns what is no vote. */
  take({ key, offset, timestampMs, value }: TopicRecord): Unreadable | null {
    this.#nowMs = Math.max(this.#nowMs ?? timestampMs, timestampMs);
    if (key !== null && value === null) {
      this.#votes.delete(new TextDecoder().decode(key));
      return null;
    }
    const decoded = decodeVote(key, value);
    if (decoded.kind === "unreadable") {
      return { offset, epoch: decoded.epoch, reason: decoded.reason };
    }
    const vote = { ...decoded.value, atMs: timestampMs };
    this.#votes.set(vote.voter, vote);
    for (const [voter, { atMs }] of this.#votes) {
      if (atMs < this.#nowMs - VOTE_RETENTION_MS) this.#votes.delete(voter);
    }
    return null;
  }
}
