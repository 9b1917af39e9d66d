import assert from "node:assert/strict";
import {
  Claim,
  type Decide,
  type DrState,
  OvertakenError,
  StateError,
} from "../../dr/state/mod.ts";
import { eventually } from "../support/wait.ts";

const { signal } = new AbortController();
const BEGUN: DrState = {
  epoch: 8,
  active: "primary",
  phase: "fencing",
  sinceMs: 0,
  reason: "test",
  era: 0,
  lanes: 2,
};
const OFTEN_MS = 1;

const uncertain = (perhaps: DrState) =>
  new StateError("unknown", "perhaps", { perhaps });

class Store {
  state = BEGUN;
  /** Whether the next change is written without that being known. */
  isUncertain = false;

  readonly change = async (decide: Decide) => {
    const proposal = await decide(this.state);
    if (proposal === null) {
      return { kind: "unchanged", state: this.state } as const;
    }
    this.state = {
      ...this.state,
      ...proposal,
      epoch: this.state.epoch + 1,
      sinceMs: this.state.sinceMs + 1,
    };
    const { isUncertain } = this;
    this.isUncertain = false;
    if (isUncertain) throw uncertain(this.state);
    const copied = Promise.resolve(null);
    return { kind: "changed", state: this.state, copied } as const;
  };

  readonly latest = () => Promise.resolve(this.state);

  claim = (renewMs?: number) => new Claim(this, this.state, renewMs);
}

const never = (its: AbortSignal) =>
  new Promise<never>((_, reject) =>
    its.addEventListener("abort", () => reject(its.reason))
  );

Deno.test("while a step takes long the state is written again and again, so that it is not taken for abandoned", async () => {
  const store = new Store();
  const claim = store.claim(OFTEN_MS);
  await claim.hold(
    () => eventually(() => store.state.epoch >= 12, { what: "renewed" }),
    signal,
  );
  assert.equal(store.state.phase, "fencing");
  await claim.set({ phase: "steady" }, signal);
  assert.equal(store.state.phase, "steady");
});

Deno.test("once another has changed the state the step under way is broken off", async () => {
  const store = new Store();
  const holding = store.claim(OFTEN_MS).hold(never, signal);
  store.state = { ...store.state, epoch: 100 };
  await assert.rejects(
    holding,
    (error) => error instanceof OvertakenError && error.state?.epoch === 100,
  );
});

Deno.test("a step that ended meanwhile is the last one, and nothing is written", async () => {
  const store = new Store();
  const claim = store.claim();
  const step = claim.hold(() => {
    store.state = { ...store.state, epoch: 9, active: "secondary" };
    return Promise.resolve();
  }, signal);
  await assert.rejects(step, OvertakenError);
  await assert.rejects(claim.set({ phase: "steady" }, signal), OvertakenError);
  assert.equal(store.state.epoch, 9);
});

Deno.test("a change of which it was not certain whether it was written is ours where it was", async () => {
  const store = new Store();
  store.isUncertain = true;
  const state = await store.claim().set({ phase: "steady" }, signal);
  assert.deepEqual([state.epoch, state.phase], [9, "steady"]);

  const again = new Store();
  again.isUncertain = true;
  await again.claim(OFTEN_MS).hold(
    () => eventually(() => again.state.epoch >= 10, { what: "renewed" }),
    signal,
  );
});

Deno.test("a renewal that was under way when its step ended is ours where it was written", async () => {
  const store = new Store();
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const claim = new Claim(
    {
      ...store,
      change: async (decide) => {
        if (store.state.epoch > BEGUN.epoch) return await store.change(decide);
        begun.resolve();
        await ended.promise;
        await store.change(decide);
        throw uncertain(store.state);
      },
    },
    BEGUN,
    OFTEN_MS,
  );
  await claim.hold(async () => {
    await begun.promise;
    // Once the step has ended, and not before.
    setTimeout(ended.resolve);
  }, signal);
  const state = await claim.set({ phase: "steady" }, signal);
  assert.deepEqual([state.epoch, state.phase], [10, "steady"]);
});

Deno.test("another's take-over is not taken for a change of one's own, though it changes nothing else", async () => {
  for (const isRenewal of [true, false]) {
    const store = new Store();
    let isFirst = true;
    const claim = new Claim(
      {
        ...store,
        change: async (decide) => {
          if (!isFirst) return await store.change(decide);
          isFirst = false;
          const proposal = await decide(store.state);
          // Ours was not written: another's was.
          const lost = { ...store.state, ...proposal, epoch: 9, sinceMs: 1 };
          store.state = { ...lost, sinceMs: 2 };
          throw uncertain(lost);
        },
      },
      BEGUN,
      OFTEN_MS,
    );
    await assert.rejects(
      isRenewal
        ? claim.hold(
          () => eventually(() => store.state.epoch === 9, { what: "taken" }),
          signal,
        )
        : claim.set({ phase: "steady" }, signal),
      OvertakenError,
    );
    assert.deepEqual([store.state.epoch, store.state.sinceMs], [9, 2]);
  }
});
