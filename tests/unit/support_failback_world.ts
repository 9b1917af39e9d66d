/** A failback without clusters, with pools at work, and crashes at any point. */
import assert from "node:assert/strict";
import type { SpanRecorder } from "../../src/telemetry/span_recorder.ts";
import {
  failBack,
  type FailBackParts,
  type PlannedTail,
} from "../../dr/failback/fail_back.ts";
import { giveUp, type GiveUpParts } from "../../dr/failback/give_up.ts";
import { planTail } from "../../dr/failback/tail_plan.ts";
import { restingGroups } from "../../dr/failback/stage.ts";
import type { Decide, DrState, Phase } from "../../dr/state/mod.ts";

export const FAILED_OVER: DrState = {
  epoch: 5,
  active: "secondary",
  phase: "steady",
  sinceMs: 0,
  reason: "test",
  era: 1,
  lanes: 2,
};

const GROUP = "pool";
const WORKING: ReadonlySet<Phase> = new Set<Phase>([
  "steady",
  "recovering",
  "reversing",
  "catching-up",
]);

class Crashed extends Error {}

/** The primary does not answer any more. */
export class Lost extends Error {
  override readonly message = "the primary does not answer any more";
}

export class FailbackWorld {
  /** Null: nobody takes any. */
  spans: SpanRecorder | null = null;
  state: DrState = FAILED_OVER;
  /** Of the tail, those that were copied, in order. */
  readonly copied: number[] = [];
  /** By era: inputs of which pools know that their outputs are there. */
  readonly done = new Map<number, ReadonlySet<number>>([[1, new Set()]]);
  readonly seeds = new Set<number>();
  readonly history: string[] = [];
  /** By input: how many outputs there are. */
  readonly outputs = new Map<number, number>();
  /** Written to the primary while the failback is at work. */
  late = 0;
  /** The primary is lost when so many were copied; null: never. */
  lostAt: number | null = null;
  #replays = 0;
  #hasCrashed = false;
  #tail: number;
  #processed = 0;
  #session: { readonly era: number; readonly known: ReadonlySet<number> } = {
    era: 1,
    known: new Set(),
  };

  /** @param mirrored inputs of the tail whose outputs were mirrored */
  constructor(tail: number, mirrored: readonly number[]) {
    this.#tail = tail;
    for (const each of mirrored) this.outputs.set(each, 1);
    this.#mirrored = new Set(mirrored);
  }
  readonly #mirrored: ReadonlySet<number>;

  get tail(): number {
    return this.#tail;
  }

  /** @param crashAt at which operation it ends; null: at none. */
  async run(crashAt: number | null): Promise<DrState | null> {
    try {
      return await failBack(
        this.#parts(crashAt),
        "test",
        new AbortController().signal,
      );
    } catch (error) {
      // Whoever has ended gives nothing up.
      if (this.#hasCrashed) return null;
      throw error;
    }
  }

  /** Gives it up, as another does that finds it abandoned. */
  async giveUp(epoch?: number): Promise<DrState | null> {
    this.#work();
    const given = await giveUp(
      this.#giveUpParts(),
      { why: "test", ...epoch === undefined ? {} : { epoch } },
      new AbortController().signal,
    );
    this.#work();
    return given;
  }

  #giveUpParts(): GiveUpParts {
    return {
      change: (decide) => this.#change(decide),
      latest: () => Promise.resolve(this.state),
      expectPrimary: () => assert.fail("the secondary is active"),
      endReplay: () => {
        this.#replays++;
        return Promise.resolve();
      },
      keepDone: (_active, era) => {
        const there = this.copied.filter((each) => this.#mirrored.has(each));
        this.done.set(era, new Set(there));
        return Promise.resolve();
      },
      allow: () => Promise.resolve([]),
    };
  }

  /** Each pool works on what it sees, by what it knew when its era began. */
  #work(): void {
    if (!WORKING.has(this.state.phase)) return;
    if (this.#session.era !== this.state.era) {
      const { era } = this.state;
      const newest = Math.max(...this.done.keys());
      this.#session = { era, known: this.done.get(newest)! };
    }
    for (; this.#processed < this.copied.length; this.#processed++) {
      const input = this.copied[this.#processed]!;
      if (this.#session.known.has(input)) continue;
      this.outputs.set(input, (this.outputs.get(input) ?? 0) + 1);
    }
  }

  #parts(crashAt: number | null): FailBackParts {
    let operations = 0;
    this.#hasCrashed = false;
    const operation = () => {
      this.#work();
      if (operations++ !== crashAt) return;
      this.#hasCrashed = true;
      throw new Crashed();
    };
    return {
      latest: () => Promise.resolve(this.state),
      giveUp: (_why, epoch) => {
        if (this.#hasCrashed) throw new Crashed();
        return this.giveUp(epoch);
      },
      whileAlive: (work, signal) => work(signal),
      newest: () => Promise.resolve(this.state),
      change: async (decide) => {
        operation();
        const change = await this.#change(decide);
        operation();
        return change;
      },
      tail: () => {
        operation();
        return Promise.resolve(this.#planned());
      },
      untilIdle: (groups) => {
        operation();
        assert.deepEqual(groups, [GROUP]);
        assert.ok(!WORKING.has(this.state.phase), "pools do not rest");
        return Promise.resolve();
      },
      replay: () => {
        const before = this.copied.length;
        const replay = ++this.#replays;
        while (this.copied.length < this.#tail) {
          operation();
          if (this.lostAt === this.copied.length) throw new Lost();
          assert.equal(replay, this.#replays, "another has the ids");
          this.copied.push(this.copied.length);
        }
        operation();
        this.#tail += this.late;
        this.late = 0;
        return Promise.resolve(this.copied.length - before);
      },
      writeDone: (era) => {
        operation();
        const there = this.copied.filter((each) => this.#mirrored.has(each));
        this.done.set(era, new Set(there));
        operation();
        return Promise.resolve();
      },
      seed: (era) => {
        operation();
        assert.equal(this.copied.length, this.#tail, "not all was replayed");
        this.seeds.add(era);
        operation();
        return Promise.resolve(1);
      },
      untilCaughtUp: () => {
        operation();
        assert.ok(
          this.state.phase === "reversing" ||
            this.state.phase === "catching-up",
        );
        return Promise.resolve();
      },
      now: () => 0,
      onStep: () => {},
      spans: this.spans,
    };
  }

  #planned(): PlannedTail {
    const start = this.copied.length;
    const partition = {
      partition: 0,
      start,
      end: this.#tail,
      records: this.#tail - start,
      outputs: 0,
      first: start,
      last: this.#tail - 1,
    };
    const topic = { topic: "t", topicId: "t", isCompacted: false };
    const plan = planTail([{ ...topic, partitions: [partition] }], {
      isDerived: () => false,
      chosen: () => null,
      named: [],
    });
    const found = [{
      group: GROUP,
      topicId: "t",
      partition: 0,
      outputs: [...this.#mirrored].map((each) => [each, 0] as const),
    }];
    return {
      plan,
      problems: [],
      notes: [],
      resting: restingGroups(found, plan),
    };
  }

  async #change(decide: Decide) {
    const proposal = await decide(this.state);
    if (proposal === null) {
      return { kind: "unchanged", state: this.state } as const;
    }
    const state = { ...proposal, epoch: this.state.epoch + 1, sinceMs: 0 };
    if (state.phase === "reversing") {
      assert.ok(this.seeds.has(state.era), "the lanes know no beginning");
    }
    this.state = state;
    this.history.push(`${state.phase} ${state.era}`);
    const copied = Promise.resolve(null);
    return { kind: "changed", state, copied } as const;
  }
}
