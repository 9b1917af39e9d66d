/**
 * Keeps clients from a cluster that is left and lives, by access rules:
 *
 *     topic *                   Write   nobody writes any more
 *     group *                   Read    members leave within their session time-out
 *     topic switchyard-denied   Write   the mark: this principal was denied by us
 *
 * Every broker answers and acts by what it has read of the cluster's log so far,
 * and one may be behind. So the mark is made first and deleted last, and between
 * that and the denials all brokers have come to know of it: while one denies
 * something, each can tell whoever looks for the mark what is to be deleted, after
 * a crash as well. Transactional ids are left alone: who may not use them cannot
 * end the transaction that is open either.
 */
import {
  type AclAnswer,
  type AclBinding,
  type AclDescription,
  type AclFilter,
  type Admin,
  ErrorCode,
  KafkaError,
  type RequestOptions,
} from "../src/kafka/mod.ts";
import { askRepeatedly, ATTEMPT_MS } from "./cut/requests.ts";
import { NAMESPACE } from "./formats/mod.ts";
import { withDeadline } from "./state/deadline.ts";
import {
  type Claim,
  type ClusterName,
  isWorkedIn,
  OvertakenError,
} from "./state/mod.ts";
import { pause } from "./waits.ts";

/** An `Admin`, as far as access rules are concerned. */
export interface DenialsAdmin {
  readonly acls: Pick<Admin["acls"], "create" | "delete" | "describe">;
  readonly describeCluster: Admin["describeCluster"];
}

/** Of the cluster that is left. */
export interface Fence {
  /** For example `User:alice`. */
  readonly principals: readonly string[];
  /** Why nobody can be denied anything there, as a user reads it; null: nothing. */
  readonly obstacle: (signal: AbortSignal) => Promise<string | null>;
  /**
   * Resolves when all brokers refuse them.
   * @throws {KafkaError | StateError}; the signal's reason.
   */
  readonly deny: (signal: AbortSignal) => Promise<void>;
  /** See `allow`; these in any case, before a broker knows that they are denied. */
  readonly allow: (signal: AbortSignal) => Promise<readonly string[]>;
}

const MARK = `${NAMESPACE}-denied`;
const REQUEST_MS = 10_000;
/** For all brokers to learn of a change. */
const APPLY_MS = 30_000;
const LOOK_MS = 20;

const denial = (
  principal: string,
  rule: Pick<AclBinding, "name" | "operation" | "resource">,
): AclBinding => ({
  ...rule,
  pattern: "literal",
  principal,
  host: "*",
  permission: "deny",
});

const markOf = (principal: string) =>
  denial(principal, { resource: "topic", name: MARK, operation: "write" });

const denialsOf = (principal: string) => [
  denial(principal, { resource: "topic", name: "*", operation: "write" }),
  denial(principal, { resource: "group", name: "*", operation: "read" }),
];

/** @returns null: nobody is to be denied anything. */
export function fenceOf(
  { admin, cluster }: {
    readonly admin: DenialsAdmin;
    readonly cluster: ClusterName;
  },
  principals: readonly string[] = [],
): Fence | null {
  return principals.length === 0 ? null : {
    principals,
    obstacle: (signal) => obstacle(admin, cluster, principals, signal),
    deny: (signal) => deny(admin, principals, signal),
    allow: (signal) => allow(admin, signal, principals),
  };
}

async function obstacle(
  admin: DenialsAdmin,
  cluster: ClusterName,
  principals: readonly string[],
  signal: AbortSignal,
): Promise<string | null> {
  try {
    // Nobody has made such rules, and whoever may delete them may make others.
    const none = principals.map((each) =>
      ({ ...markOf(each), operation: "describe" }) as const
    );
    await remove(admin, none, signal);
    return null;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KafkaError)) throw error;
    switch (error.code) {
      case ErrorCode.securityDisabled:
      case ErrorCode.unsupportedFeature:
        return `the ${cluster} has no authorizer, so nobody can be denied ` +
          "anything there: stop its clients, and leave out --deny-principal";
      case ErrorCode.clusterAuthorizationFailed:
        return `the access rules of the ${cluster} may not be changed ` +
          `(${error.message}): --deny-principal needs Alter on the cluster`;
      default:
        return `the ${cluster} does not say whether it has an authorizer ` +
          `(${error.message})`;
    }
  }
}

async function deny(
  admin: DenialsAdmin,
  principals: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const marks = principals.map(markOf);
  // With the marks again: a denial that is made after somebody has given up
  // waiting for it, and let everybody back, can be found as well.
  for (const rules of [marks, [...marks, ...principals.flatMap(denialsOf)]]) {
    await create(admin, rules, signal);
    await untilApplied(
      admin,
      (there) => rules.every((each) => there.some((one) => isSame(one, each))),
      signal,
    );
  }
}

/**
 * To be called once the state says that the cluster is being left: whoever finds
 * that abandoned lets them back, and so does a run that was suspended until others
 * had given it up.
 * @throws {OvertakenError}; what `Fence.deny` throws.
 */
export async function keepAway(
  fence: Pick<Fence, "allow" | "deny">,
  claim: Claim,
  signal: AbortSignal,
): Promise<void> {
  const { active } = claim.state;
  try {
    await claim.hold((its) => fence.deny(its), signal);
  } catch (error) {
    if (error instanceof OvertakenError) {
      const { state } = error;
      const isOver = state?.active === active && isWorkedIn(state.phase);
      if (isOver) await fence.allow(signal);
    }
    throw error;
  }
}

/**
 * Lets everybody back whom `Fence.deny` has kept away, whoever called it. Where the
 * cluster has no authorizer, or its rules may not be read, nobody was.
 * @returns them.
 * @throws {KafkaError | StateError}; the signal's reason.
 */
export async function allow(
  admin: DenialsAdmin,
  signal: AbortSignal,
  known: readonly string[] = [],
): Promise<readonly string[]> {
  let principals: readonly string[];
  try {
    const found = await marked(admin, signal);
    principals = [...new Set([...known, ...found])].sort();
  } catch (error) {
    if (isUndeniable(error)) return [];
    throw error;
  }
  if (principals.length === 0) return [];
  const denials = principals.flatMap(denialsOf);
  await remove(admin, denials, signal);
  await untilApplied(
    admin,
    (there) => !denials.some((each) => there.some((one) => isSame(one, each))),
    signal,
  );
  await remove(admin, principals.map(markOf), signal);
  return principals;
}

const isUndeniable = (error: unknown): boolean =>
  error instanceof KafkaError &&
  (error.code === ErrorCode.securityDisabled ||
    error.code === ErrorCode.unsupportedFeature ||
    error.code === ErrorCode.clusterAuthorizationFailed);

/** Whom we have denied something. */
async function marked(
  admin: DenialsAdmin,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { principal: _, ...filter } = markOf("");
  const views = await viewsOf(admin, filter, signal);
  return views.flatMap((each) => each ?? []).map(({ principal }) => principal);
}

/** Ends when no attempt is under way: who lets them back may not overtake one. */
async function create(
  admin: DenialsAdmin,
  acls: readonly AclBinding[],
  signal: AbortSignal,
): Promise<void> {
  const sent: Promise<AclAnswer[]>[] = [];
  const send = (options: RequestOptions) => {
    const { timeoutMs } = options;
    const answer = handedOn(
      admin,
      () => admin.acls.create(acls, { timeoutMs }),
      options,
    );
    sent.push(answer);
    return answer;
  };
  try {
    for (const { error } of await ask(send, signal)) {
      if (error !== null) throw error;
    }
  } finally {
    await Promise.allSettled(sent);
  }
}

/**
 * Any broker hands a change on to the controller, so Kafka names one by chance.
 * librdkafka (2.15.1) keeps to that one, dead or hung, until it asks anew.
 */
async function handedOn<T>(
  admin: DenialsAdmin,
  change: () => Promise<T>,
  options: RequestOptions,
): Promise<T> {
  try {
    return await change();
  } catch (error) {
    const isPassing = error instanceof KafkaError && error.retriable;
    if (isPassing) await admin.describeCluster(options);
    throw error;
  }
}

async function remove(
  admin: DenialsAdmin,
  acls: readonly AclBinding[],
  signal: AbortSignal,
): Promise<void> {
  const answers = await ask(
    (options) =>
      handedOn(admin, () => admin.acls.delete(acls, options), options),
    signal,
  );
  for (const { error } of answers) if (error !== null) throw error;
}

/** A change is answered before the brokers act by it. */
async function untilApplied(
  admin: DenialsAdmin,
  isApplied: (denials: readonly AclDescription[]) => boolean,
  signal: AbortSignal,
): Promise<void> {
  await withDeadline(
    APPLY_MS,
    "have all brokers act by the access rules",
    signal,
    async (its) => {
      for (;;) {
        const views = await viewsOf(admin, { permission: "deny" }, its);
        if (views.every((each) => each !== null && isApplied(each))) return;
        await pause(LOOK_MS, its);
        its.throwIfAborted();
      }
    },
  );
}

/**
 * What each broker of the cluster acts by; null: it does not answer, as one that
 * has just died and is still counted.
 * @throws {KafkaError} when none answers.
 */
const viewsOf = (
  admin: DenialsAdmin,
  filter: AclFilter,
  signal: AbortSignal,
): Promise<readonly (readonly AclDescription[] | null)[]> =>
  ask(async (options) => {
    const { brokers } = await admin.describeCluster(options);
    const views = await Promise.all(brokers.map(async ({ id: broker }) => {
      try {
        return await admin.acls.describe(filter, { ...options, broker });
      } catch (error) {
        if (!(error instanceof KafkaError && error.retriable)) throw error;
        return null;
      }
    }));
    if (views.some((each) => each !== null)) return views;
    throw new KafkaError("describe ACLs: no broker answers", {
      code: ErrorCode.timedOut,
      codeName: "_TIMED_OUT",
    });
  }, signal);

const ask = <T>(
  request: (options: RequestOptions) => Promise<T>,
  signal: AbortSignal,
): Promise<T> =>
  askRepeatedly(
    () => request({ timeoutMs: ATTEMPT_MS, signal }),
    REQUEST_MS,
    signal,
  );

const isSame = (one: AclDescription, other: AclBinding): boolean =>
  one.resource === other.resource && one.name === other.name &&
  one.pattern === other.pattern && one.principal === other.principal &&
  one.host === other.host && one.operation === other.operation &&
  one.permission === other.permission;
