/** Where a sentinel votes, and learns what all have voted. */
import {
  type Ballot,
  type StateClusters,
  type Vote,
  Votes,
} from "../state/mod.ts";
import { isOfCluster } from "./prepare.ts";
import type { Problems } from "./problems.ts";

/** How old votes are is not known while none can be cast and read. */
const NOTHING_KNOWN: Ballot = { votes: [], brokerNowMs: null };
/** Of casting, and of reading. */
const REQUEST_MS = 2_000;

export class BallotBox implements AsyncDisposable {
  readonly #problems: Problems;
  #votes: Votes | null = null;
  #ballot = NOTHING_KNOWN;
  #isVoting = false;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  /** As it was after the last vote. */
  get ballot(): Ballot {
    return this.#ballot;
  }

  /** The last vote was taken. */
  get isVoting(): boolean {
    return this.#isVoting;
  }

  /** Once the topic is there: brokers would make it with settings of their own. */
  open({ clusters, library, onClientEvent }: StateClusters): void {
    this.#votes = new Votes({
      library,
      cluster: clusters.secondary,
      onClientEvent,
      requestMs: REQUEST_MS,
      onUnreadable: ({ offset, reason }) =>
        this.#problems.say("read a vote", `at offset ${offset}: ${reason}`),
      onFailure: ({ message }) =>
        this.#problems.say("follow the votes", message),
    });
  }

  /** Votes, and reads what all have voted; before it is open it does nothing. */
  async vote(vote: Vote): Promise<void> {
    if (this.#votes === null) return;
    const { signal } = new AbortController();
    try {
      await this.#votes.cast(vote, signal);
      this.#ballot = await this.#votes.current(signal);
      this.#isVoting = true;
      this.#problems.over("vote");
    } catch (error) {
      if (!isOfCluster(error)) throw error;
      this.#ballot = NOTHING_KNOWN;
      this.#isVoting = false;
      this.#problems.say("vote", error.message);
    }
  }

  /** Takes back the last vote. @returns why that failed, or null. */
  async withdraw(voter: string): Promise<string | null> {
    try {
      await this.#votes?.withdraw(voter, new AbortController().signal);
      return null;
    } catch (error) {
      if (!isOfCluster(error)) throw error;
      return error.message;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#votes?.[Symbol.asyncDispose]();
  }
}
