/** A failover without clusters: what each step has done, and what it relies on. */
import assert from "node:assert/strict";
import type { SpanRecorder } from "../../src/telemetry/span_recorder.ts";
import {
  failOver,
  type FailOverOutcome,
  type FailOverParts,
  type StepName,
  STEPS,
} from "../../dr/failover/fail_over.ts";
import type { Fence } from "../../dr/denials.ts";
import {
  type Change,
  type Decide,
  type DrState,
  StateError,
} from "../../dr/state/mod.ts";

export const STEADY: DrState = {
  epoch: 7,
  active: "primary",
  phase: "steady",
  sinceMs: 0,
  reason: "test",
  era: 0,
  lanes: 2,
};

/** The process ends: before a step has done anything, or when it has. */
export interface Crash {
  readonly step: StepName;
  readonly when: "before" | "after";
}

class Crashed extends Error {}

export class FailoverWorld {
  /** Null: nobody takes any. */
  spans: SpanRecorder | null = null;
  state: DrState | null;
  readonly history: DrState[] = [];
  /** By lane: the highest era of its log. */
  readonly seals: number[] = [0, 0];
  /** Eras of which outputs were written down. */
  readonly written = new Set<number>();
  #drained = false;
  /** Of the drain. */
  problem: string | null = null;
  /** From the secondary, since it was left. */
  denied: readonly string[] = ["User:alice"];
  /** Why they cannot be let back. */
  denialProblem: string | null = null;
  /** Null: nobody is kept from the primary. */
  fence: Fence | null = null;
  /** Steps that were begun, in order. */
  readonly begun: StepName[] = [];
  readonly #writer = { current: 0 };

  constructor(state: DrState | null = STEADY) {
    this.state = state;
  }

  /**
   * @param epoch see `FailOverRequest`
   * @returns null where it crashed.
   */
  async run(
    crash: Crash | null = null,
    epoch?: number,
  ): Promise<FailOverOutcome | null> {
    const reports: StepName[] = [];
    try {
      const outcome = await failOver(
        this.#parts(crash, reports),
        {
          to: "secondary",
          reason: "test",
          ...epoch === undefined ? {} : { epoch },
        },
        new AbortController().signal,
      );
      const usual = reports.filter((step) => step !== "deny");
      assert.deepEqual(usual, STEPS.slice(0, usual.length));
      return outcome;
    } catch (error) {
      if (error instanceof Crashed) return null;
      throw error;
    }
  }

  #parts(crash: Crash | null, reports: StepName[]): FailOverParts {
    const during = async <T>(
      step: StepName,
      work: () => T | Promise<T>,
    ): Promise<T> => {
      this.begun.push(step);
      const isHere = crash?.step === step;
      if (isHere && crash.when === "before") throw new Crashed();
      await yielded();
      const result = await work();
      await yielded();
      if (isHere && crash.when === "after") throw new Crashed();
      return result;
    };
    let isFenced = false;
    return {
      lanes: () => Promise.resolve(this.seals.length),
      latest: async () => {
        await yielded();
        return this.state;
      },
      change: (decide) =>
        during(isFenced ? "promote" : "fence", async () => {
          const change = await this.#change(decide);
          isFenced = true;
          return change;
        }),
      seal: (lanes, era) =>
        during("seal", () => {
          assert.equal(lanes, this.seals.length);
          this.seals.forEach((known, lane) => {
            this.seals[lane] = Math.max(known, era);
          });
        }),
      drain: () =>
        during("drain", () => {
          this.#drained = true;
          return { partitions: 3, problem: this.problem };
        }),
      outputs: (era) =>
        during("outputs", () => {
          assert.ok(this.#drained, "outputs are looked for when all is there");
          this.written.add(era);
          return { done: 1, tail: 2, detail: "", problem: null };
        }),
      allow: async () => {
        await yielded();
        const { denialProblem: problem } = this;
        if (problem !== null) return { principals: [], problem };
        const principals = this.denied;
        this.denied = [];
        return { principals, problem };
      },
      fence: this.fence,
      now: () => 0,
      onStep: ({ step }) => reports.push(step),
      spans: this.spans,
    };
  }

  /** Whoever begins later fences who has begun. */
  async #change(decide: Decide): Promise<Change> {
    const mine = ++this.#writer.current;
    await yielded();
    const proposal = await decide(this.state);
    await yielded();
    if (mine !== this.#writer.current) {
      throw new StateError("fenced", "another has taken over");
    }
    if (proposal === null) return { kind: "unchanged", state: this.state };
    const epoch = (this.state?.epoch ?? 0) + 1;
    const state = { ...proposal, epoch, sinceMs: 0 };
    this.#expectSound(state);
    this.state = state;
    this.history.push(state);
    return { kind: "changed", state, copied: Promise.resolve(null) };
  }

  #expectSound({ active, era }: DrState): void {
    if (active !== "secondary") return;
    assert.ok(
      this.seals.every((seal) => seal >= era),
      "a lane could still be mirrored when the secondary was promoted",
    );
    assert.ok(this.#drained, "not all could be read");
    assert.ok(this.written.has(era), "outputs were not written down");
    assert.ok(
      this.denied.length === 0 || this.denialProblem !== null,
      "clients are kept from the secondary still",
    );
  }
}

const yielded = () => new Promise<void>((resolve) => setImmediate(resolve));
