import assert from "node:assert/strict";
import fc from "fast-check";
import { allow, type DenialsAdmin, fenceOf } from "../../dr/denials.ts";
import {
  type AclBinding,
  type AclFilter,
  ErrorCode,
  KafkaError,
} from "../../src/kafka/mod.ts";
import { pause } from "../support/pause.ts";

const { signal } = new AbortController();
const BROKERS = [1, 2, 3];

class Crashed extends Error {}

const expectCrash = (error: unknown) => {
  if (!(error instanceof Crashed)) throw error;
};

const SILENT = new KafkaError("silent", {
  code: ErrorCode.timedOut,
  codeName: "X",
});

/** A cluster whose brokers learn of changes some questions later. */
class Cluster {
  acls: AclBinding[] = [];
  /** Of these brokers, in questions; others answer by the newest. */
  lags: Readonly<Record<number, number>> = { 2: 1, 3: 2 };
  /** Counted as a broker, but silent, for so many questions. */
  silence: Readonly<Record<number, number>> = {};
  /** In requests; at which it ends. */
  crashAt = Infinity;
  /** Of the authorizer. */
  refusal: KafkaError | null = null;
  readonly #seen = new Map<number, { acls: AclBinding[]; questions: number }>();

  readonly admin: DenialsAdmin = {
    describeCluster: () =>
      this.#request(() => ({
        clusterId: null,
        controller: null,
        brokers: BROKERS.map((id) => ({ id, host: "h", port: 1, rack: null })),
      })),
    acls: {
      create: (acls) =>
        this.#request(() => {
          const isKnown = (acl: AclBinding) =>
            this.acls.some((each) => matches(each, acl));
          this.acls = [
            ...this.acls,
            ...acls.filter((acl) => !isKnown(acl)),
          ];
          return acls.map((acl) => ({ acl, error: null }));
        }),
      delete: (filters) =>
        this.#request(() => {
          this.acls = this.acls.filter((acl) =>
            !filters.some((filter) => matches(acl, filter))
          );
          return filters.map((filter) => ({
            filter,
            deleted: [],
            error: null,
          }));
        }),
      describe: (filter, { broker = BROKERS[0]! }) =>
        this.#request(() =>
          this.#asSeenBy(broker).filter((acl) => matches(acl, filter))
        ),
    },
  };

  /** What a broker acts by, however late it is. */
  seenBy = (broker: number) => this.#seen.get(broker)?.acls ?? [];

  #asSeenBy(broker: number): AclBinding[] {
    const seen = this.#seen.get(broker) ?? { acls: [], questions: 0 };
    const questions = seen.questions + 1;
    const isBehind = questions % ((this.lags[broker] ?? 0) + 1) !== 0;
    const acls = isBehind ? seen.acls : this.acls;
    this.#seen.set(broker, { acls, questions });
    if (questions > (this.silence[broker] ?? 0)) return acls;
    throw SILENT;
  }

  async #request<T>(answer: () => T): Promise<T> {
    await Promise.resolve();
    if (this.refusal !== null) throw this.refusal;
    if (this.crashAt-- <= 0) throw new Crashed();
    return answer();
  }
}

const matches = (acl: AclBinding, filter: AclFilter): boolean =>
  Object.entries(filter).every(([name, value]) =>
    acl[name as keyof AclBinding] === value
  );

const fence = ({ admin }: Cluster, ...principals: string[]) =>
  fenceOf({ admin, cluster: "primary" }, principals)!;

const OTHERS: AclBinding = {
  resource: "topic",
  name: "*",
  pattern: "literal",
  principal: "User:bob",
  host: "*",
  operation: "write",
  permission: "deny",
};

const told = (acls: readonly AclBinding[]) =>
  acls.map(({ name, operation, principal, resource }) =>
    `${resource} ${name} ${operation} ${principal}`
  ).sort();

Deno.test("who is kept away can neither write nor be in a group by any broker, until they are let back", async () => {
  const cluster = new Cluster();
  cluster.acls = [OTHERS];
  await fence(cluster, "User:alice").deny(signal);
  for (const broker of BROKERS) {
    assert.deepEqual(told(cluster.seenBy(broker)), [
      "group * read User:alice",
      "topic * write User:alice",
      "topic * write User:bob",
      "topic switchyard-denied write User:alice",
    ]);
  }
  assert.deepEqual(await allow(cluster.admin, signal), ["User:alice"]);
  for (const broker of BROKERS) {
    const left = told(cluster.seenBy(broker));
    assert.ok(!left.includes("topic * write User:alice"));
    assert.ok(!left.includes("group * read User:alice"));
  }
  assert.deepEqual(cluster.acls, [OTHERS]);
  assert.deepEqual(await allow(new Cluster().admin, signal), []);
});

/** To its end or a crash, and everybody is let back by another. */
async function afterwards(
  cluster: Cluster,
  run: Promise<unknown>,
): Promise<string[]> {
  await run.catch(expectCrash);
  cluster.crashAt = Infinity;
  await allow(cluster.admin, signal);
  return told(cluster.acls).filter((rule) => !isMark(rule));
}

Deno.test("wherever keeping away ends, nothing stays denied, although all brokers are late", async () => {
  for (let crashAt = 0, isOver = false; !isOver; crashAt++) {
    const cluster = new Cluster();
    cluster.lags = { 1: 1, 2: 1, 3: 1 };
    cluster.crashAt = crashAt;
    const run = fence(cluster, "User:alice").deny(signal);
    assert.deepEqual(await afterwards(cluster, run), [], `${crashAt}`);
    isOver = await run.then(() => true, () => false);
  }
});

Deno.test("wherever keeping away and letting back end again and again, what others have denied stays, and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.subarray(["User:alice", "User:carol"], { minLength: 1 }),
      fc.array(fc.tuple(fc.boolean(), fc.nat(30)), { maxLength: 4 }),
      fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)),
      async (principals, runs, [one, two, three]) => {
        const cluster = new Cluster();
        cluster.acls = [OTHERS];
        cluster.lags = { 1: one, 2: two, 3: three };
        for (const [denies, crashAt] of runs) {
          cluster.crashAt = crashAt;
          const run = denies
            ? fence(cluster, ...principals).deny(signal)
            : allow(cluster.admin, signal);
          await run.catch(expectCrash);
        }
        const left = await afterwards(cluster, Promise.resolve());
        assert.deepEqual(left, told([OTHERS]));
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("what a broker denies late, when all are let back, the next one finds", async () => {
  const cluster = new Cluster();
  const { create } = cluster.admin.acls;
  const sent: Parameters<typeof create>[] = [];
  const admin: DenialsAdmin = {
    ...cluster.admin,
    acls: {
      ...cluster.admin.acls,
      create: (...request) => {
        sent.push(request);
        return create(...request);
      },
    },
  };
  await fenceOf({ admin, cluster: "primary" }, ["User:alice"])!.deny(signal);
  assert.ok(sent.length > 0);
  for (const request of sent) {
    await allow(cluster.admin, signal);
    assert.deepEqual(cluster.acls, []);
    await create(...request);
    await allow(cluster.admin, signal);
    assert.deepEqual(cluster.acls, []);
  }
});

/** Of no use to whoever would write there: it need not exist. */
const isMark = (rule: string) => rule.startsWith("topic switchyard-denied ");

Deno.test("whoever lets them back believes no broker that is behind, and does without one that is silent for a time", async () => {
  const cluster = new Cluster();
  await fence(cluster, "User:alice").deny(signal);
  const late = new Cluster();
  late.acls = cluster.acls;
  late.lags = { 1: 7 };
  late.silence = { 2: 3 };
  assert.deepEqual(await allow(late.admin, signal), ["User:alice"]);
  assert.deepEqual(late.acls, []);
});

Deno.test("a run lets back whom it has kept away itself, before any broker knows", async () => {
  const cluster = new Cluster();
  await fence(cluster, "User:alice").deny(signal);
  const late = new Cluster();
  late.acls = cluster.acls;
  late.lags = { 1: 9, 2: 9, 3: 9 };
  assert.deepEqual(await fence(late, "User:alice").allow(signal), [
    "User:alice",
  ]);
  assert.deepEqual(late.acls, []);
});

Deno.test("where the broker has died that changes were sent to, another is looked for", async () => {
  const cluster = new Cluster();
  const { acls, describeCluster } = cluster.admin;
  let isFound = false;
  const admin: DenialsAdmin = {
    describeCluster: (...request) => {
      isFound = true;
      return describeCluster(...request);
    },
    acls: {
      ...acls,
      create: (...request) =>
        isFound ? acls.create(...request) : Promise.reject(SILENT),
    },
  };
  await fenceOf({ admin, cluster: "primary" }, ["User:alice"])!.deny(signal);
  assert.equal(cluster.acls.length, 3);
});

Deno.test("letting back does not overtake what is being denied", async () => {
  const cluster = new Cluster();
  const answered = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const events: string[] = [];
  const late: DenialsAdmin = {
    ...cluster.admin,
    acls: {
      ...cluster.admin.acls,
      create: async (...request) => {
        asked.resolve();
        await answered.promise;
        events.push("denied");
        return await cluster.admin.acls.create(...request);
      },
    },
  };
  const stop = new AbortController();
  const denying = fenceOf({ admin: late, cluster: "primary" }, ["User:alice"])!
    .deny(stop.signal)
    .catch(() => events.push("ended"));
  await asked.promise;
  stop.abort();
  await pause(0);
  answered.resolve();
  await denying;
  assert.deepEqual(events, ["denied", "ended"]);
});

const refusing = (code: number) => {
  const cluster = new Cluster();
  cluster.refusal = new KafkaError("refused", { code, codeName: "X" });
  return cluster;
};

Deno.test("where nobody can be denied anything it is said why, and nobody has to be let back", async () => {
  const said = {
    [ErrorCode.securityDisabled]: /the primary has no authorizer/,
    [ErrorCode.unsupportedFeature]: /the primary has no authorizer/,
    [ErrorCode.clusterAuthorizationFailed]: /needs Alter/,
  };
  for (const [code, pattern] of Object.entries(said)) {
    const cluster = refusing(Number(code));
    const why = await fence(cluster, "User:alice").obstacle(signal);
    assert.match(why!, pattern);
    assert.deepEqual(await allow(cluster.admin, signal), []);
  }
  assert.equal(
    await fence(new Cluster(), "User:alice").obstacle(signal),
    null,
  );
  const lost = refusing(ErrorCode.authentication);
  assert.match(
    (await fence(lost, "User:alice").obstacle(signal))!,
    /the primary does not say/,
  );
  await assert.rejects(allow(lost.admin, signal), KafkaError);
});

Deno.test("without principals there is no fence", () => {
  const { admin } = new Cluster();
  assert.equal(fenceOf({ admin, cluster: "primary" }), null);
  assert.equal(fenceOf({ admin, cluster: "primary" }, []), null);
});
