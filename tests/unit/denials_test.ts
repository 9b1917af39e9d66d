import assert from "node:assert/strict";
import fc from "fast-check";
import { allow, type DenialsAdmin, fenceOf } from "../../dr/denials.ts";
import {
  type AclBinding,
  type AclFilter,
  ErrorCode,
  KafkaError,
} from "../../src/kafka/mod.ts";

const { signal } = new AbortController();
const BROKERS = [1, 2, 3];

class Crashed extends Error {}

/** A cluster whose brokers learn of changes some questions later. */
class Cluster {
  acls: AclBinding[] = [];
  /** In requests; at which it ends. */
  crashAt = Infinity;
  /** Of the authorizer. */
  refusal: KafkaError | null = null;
  readonly #seen = new Map<number, { acls: AclBinding[]; age: number }>();

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
      describe: (filter, { broker }) =>
        this.#request(() =>
          (broker === undefined ? this.acls : this.#asSeenBy(broker))
            .filter((acl) => matches(acl, filter))
        ),
    },
  };

  /** What a broker acts by, however late it is. */
  seenBy = (broker: number) => this.#seen.get(broker)?.acls ?? [];

  #asSeenBy(broker: number): AclBinding[] {
    const seen = this.#seen.get(broker) ?? { acls: [], age: 0 };
    const age = seen.age + 1;
    const acls = age % broker === 0 ? this.acls : seen.acls;
    this.#seen.set(broker, { acls, age });
    return acls;
  }

  #request<T>(answer: () => T): Promise<T> {
    if (this.refusal !== null) return Promise.reject(this.refusal);
    if (this.crashAt-- <= 0) return Promise.reject(new Crashed());
    return Promise.resolve(answer());
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
  assert.deepEqual(await allow(cluster.admin, signal), []);
});

Deno.test("wherever keeping away and letting back end, letting back again leaves what others have denied, and no more", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.subarray(["User:alice", "User:carol"], { minLength: 1 }),
      fc.array(fc.tuple(fc.boolean(), fc.nat(12)), { maxLength: 4 }),
      async (principals, runs) => {
        const cluster = new Cluster();
        cluster.acls = [OTHERS];
        for (const [denies, crashAt] of runs) {
          cluster.crashAt = crashAt;
          const run = denies
            ? fence(cluster, ...principals).deny(signal)
            : allow(cluster.admin, signal);
          await run.then(() => {}, (error) => {
            if (!(error instanceof Crashed)) throw error;
          });
        }
        cluster.crashAt = Infinity;
        await allow(cluster.admin, signal);
        assert.deepEqual(cluster.acls, [OTHERS]);
      },
    ),
    { numRuns: 60 },
  );
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
