import assert from "node:assert/strict";
import fc from "fast-check";
import {
  covers,
  type DrState,
  type Lease,
  LeaseClock,
  leaseFrom,
  leasesEndMs,
  type LeaseTimes,
} from "../../dr/state/mod.ts";
import { FIRST } from "./support_dr_state.ts";

const POOLS = 2;
const TIMES: LeaseTimes = { leaseMs: 10_000, transactionMs: 10_000 };
/** What brokers need to find a transaction that is too old. */
const ROUND_MS = 10_000;

type Step =
  | { readonly kind: "pass"; readonly ms: number }
  /** A computer sleeps: its monotonic clock stands still. */
  | { readonly kind: "suspend"; readonly pool: number; readonly ms: number }
  | { readonly kind: "step wall"; readonly pool: number; readonly ms: number }
  | { readonly kind: Act; readonly pool: number }
  | { readonly kind: "fence" | "promote" };

const ACTS = [
  "begin read",
  "fetch",
  "end read",
  "begin transaction",
  "decide to commit",
  "send commit",
] as const;
type Act = typeof ACTS[number];

const pool = fc.nat(POOLS - 1);
/** So many acts from one on, in their order, without a break. */
const acts: fc.Arbitrary<Step[]> = fc.record({
  pool,
  first: fc.nat(ACTS.length - 1),
  count: fc.integer({ min: 1, max: ACTS.length }),
}).map(({ count, first, pool }) =>
  ACTS.slice(first, first + count).map((kind) => ({ kind, pool }))
);
const one = (step: fc.Arbitrary<Step>) => step.map((each) => [each]);
const pass = (mostMs: number) =>
  one(fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(mostMs) }));

const someSteps: fc.Arbitrary<Step[]> = fc.oneof(
  { weight: 20, arbitrary: acts },
  { weight: 8, arbitrary: pass(2_000) },
  { weight: 2, arbitrary: pass(40_000) },
  {
    weight: 1,
    arbitrary: one(fc.record({
      kind: fc.constantFrom("suspend" as const, "step wall" as const),
      pool,
      ms: fc.nat(60_000),
    })),
  },
  {
    weight: 3,
    arbitrary: one(fc.record({
      kind: fc.constantFrom("fence" as const, "promote" as const),
    })),
  },
);

interface Transaction {
  readonly cluster: DrState["active"];
  readonly era: number;
  /** Of the broker. */
  readonly beganMs: number;
  isDecided: boolean;
}

/** A pool whose clocks run a little wrong. */
class PoolModel {
  lease: Lease | null = null;
  reading: { readonly beganMs: number; seen: DrState | null } | null = null;
  transaction: Transaction | null = null;
  readonly #clock: LeaseClock;
  sleptMs = 0;
  setMs = 0;

  constructor(rate: number, trueMs: () => number) {
    this.#clock = new LeaseClock(
      () => (trueMs() - this.sleptMs) * rate,
      () => trueMs() * rate + this.setMs,
    );
  }

  now(): number {
    return this.#clock.now();
  }
}

class World {
  nowMs = 0;
  state: DrState = FIRST;
  /** By its own clock. */
  fencedMs: number | null = null;
  /** Since when what the state names is another cluster. */
  promotedMs = 0;
  commits = 0;
  readonly pools: readonly PoolModel[];
  readonly #writerRate: number;
  readonly #waitMs: number;

  constructor(rates: readonly number[], waitMs = leasesEndMs(TIMES)) {
    this.pools = rates.slice(1).map((rate) =>
      new PoolModel(rate, () => this.nowMs)
    );
    this.#writerRate = rates[0]!;
    this.#waitMs = waitMs;
  }

  run(step: Step): void {
    switch (step.kind) {
      case "pass":
        this.nowMs += step.ms;
        return;
      case "fence":
        if (this.state.phase !== "steady") return;
        this.#write({ phase: "fencing" });
        this.fencedMs = this.nowMs * this.#writerRate;
        return;
      case "promote":
        return this.#promote();
      case "suspend":
        this.pools[step.pool]!.sleptMs += step.ms;
        this.nowMs += step.ms;
        return;
      case "step wall":
        // Backwards only: forwards ends leases early.
        this.pools[step.pool]!.setMs -= step.ms;
        return;
      default:
        return this.#act(this.pools[step.pool]!, step.kind);
    }
  }

  #act(
    pool: PoolModel,
    kind: Act,
  ): void {
    const now = pool.now();
    const { lease, reading, transaction } = pool;
    switch (kind) {
      case "begin read":
        pool.reading = { beganMs: now, seen: null };
        return;
      case "fetch":
        // Whatever is there at some moment after the beginning.
        if (reading !== null) reading.seen ??= this.state;
        return;
      case "end read":
        if (reading?.seen) {
          pool.lease =
            leaseFrom(reading.seen, reading.beganMs, TIMES.leaseMs) ??
              lease;
        }
        pool.reading = null;
        return;
      case "begin transaction":
        if (lease === null || !covers(lease, lease, now)) return;
        pool.transaction = {
          cluster: lease.cluster,
          era: lease.era,
          beganMs: this.nowMs,
          isDecided: false,
        };
        return;
      case "decide to commit":
        if (transaction === null) return;
        if (covers(lease, transaction, now)) transaction.isDecided = true;
        return;
      case "send commit":
        // However much later: it was frozen in between.
        if (transaction?.isDecided) this.#commit(transaction);
        pool.transaction = null;
        return;
    }
  }

  #commit({ beganMs, cluster, era }: Transaction): void {
    // The brokers have aborted it by then.
    if (this.nowMs > beganMs + TIMES.transactionMs + ROUND_MS) return;
    this.commits++;
    assert.deepEqual(
      [cluster, era],
      [this.state.active, this.state.era],
      `committed on the ${cluster} ${
        this.nowMs - this.promotedMs
      } ms after another was promoted`,
    );
  }

  #promote(): void {
    const ownMs = this.nowMs * this.#writerRate;
    if (this.fencedMs === null || ownMs - this.fencedMs < this.#waitMs) return;
    const { active, era } = this.state;
    this.#write({
      active: active === "primary" ? "secondary" : "primary",
      phase: "steady",
      era: era + 1,
    });
    this.fencedMs = null;
    this.promotedMs = this.nowMs;
  }

  #write(change: Partial<DrState>): void {
    this.state = { ...this.state, ...change, epoch: this.state.epoch + 1 };
  }

  /** No two pools may work on different clusters, nor one where it is over. */
  expectOneHolder(): void {
    const held = this.pools.flatMap((pool) => {
      const { lease } = pool;
      const holds = lease !== null &&
        covers(lease, lease, pool.now());
      return holds ? [lease.cluster] : [];
    });
    assert.ok(new Set(held).size <= 1, held.join());
    assert.ok(held.every((cluster) => cluster === this.state.active));
  }
}

const rates = fc.array(
  fc.double({ min: 0.999, max: 1.001, noNaN: true }),
  { minLength: POOLS + 1, maxLength: POOLS + 1 },
);
const steps = fc.array(someSteps, { minLength: 20, maxLength: 200 })
  .map((each) => each.flat());

function run(world: World, all: readonly Step[]): void {
  for (const each of all) {
    world.run(each);
    world.expectOneHolder();
  }
}

Deno.test("whatever clocks, delays and freezes: never two holders on different clusters, and nothing of an earlier lease is committed after a promotion", () => {
  let commits = 0;
  let promotions = 0;
  fc.assert(
    fc.property(rates, steps, (some, all) => {
      const world = new World(some);
      run(world, all);
      commits += world.commits;
      promotions += world.state.era;
    }),
    { numRuns: 5_000 },
  );
  // It is not all idle.
  assert.ok(commits > 5_000, `${commits} commits`);
  assert.ok(promotions > 500, `${promotions} promotions`);
});

Deno.test("a failover that waits for leases alone, and not for what they left open, is found out", () => {
  const found = fc.check(
    fc.property(rates, steps, (some, all) => {
      run(new World(some, TIMES.leaseMs), all);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(found.failed);
});

Deno.test("the clock counts what a computer sleeps, and is not set back", () => {
  const at = { monotonicMs: 1_000, wallMs: 50_000 };
  const clock = new LeaseClock(() => at.monotonicMs, () => at.wallMs);
  const after = (monotonicMs: number, wallMs: number) => {
    at.monotonicMs += monotonicMs;
    at.wallMs += wallMs;
    return clock.now();
  };
  assert.equal(after(0, 0), 0);
  assert.equal(after(10, 3_610), 3_610);
  assert.equal(after(10, -7_000), 3_620);
  assert.equal(after(0, -7_000), 3_620);
});

Deno.test("a lease covers its own work alone, and there is none while a switch is under way", () => {
  const lease = leaseFrom(FIRST, 1_000, 10_000)!;
  const work = { cluster: "primary", era: 0 } as const;
  assert.ok(covers(lease, work, 10_999));
  assert.ok(!covers(lease, work, 11_000));
  assert.ok(!covers(lease, { cluster: "secondary", era: 0 }, 1_000));
  assert.ok(!covers(lease, { cluster: "primary", era: 1 }, 1_000));
  assert.ok(!covers(null, work, 1_000));
  for (const phase of ["fencing", "draining", "releasing"] as const) {
    assert.equal(leaseFrom({ ...FIRST, phase }, 1_000, 10_000), null);
  }
  assert.equal(leaseFrom(null, 1_000, 10_000), null);
});
