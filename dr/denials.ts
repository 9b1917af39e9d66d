/**
 * Keeps clients from a cluster that is left and lives, by access rules:
 *
 *     topic *                   Write   nobody writes any more
 *     group *                   Read    members leave within their session time-out
 *     topic switchyard-denied   Write   the mark: this principal was denied by us
 *
 * The mark is made first and deleted last, so that whoever looks for it knows what
 * is to be deleted, after a crash as well. Transactional ids are left alone: who may
 * not use them cannot end the transaction that is open either.
 */
import {
  type AclBinding,
  type AclDescription,
  type AclFilter,
  type Admin,
  ErrorCode,
  KafkaError,
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
  /** See `allow`. */
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
    allow: (signal) => allow(admin, signal),
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
  const denials = principals.flatMap(denialsOf);
  await create(admin, principals.map(markOf), signal);
  await create(admin, denials, signal);
  await untilApplied(
    admin,
    (there) => denials.every((each) => there.some((one) => isSame(one, each))),
    signal,
  );
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
): Promise<readonly string[]> {
  let principals: readonly string[];
  try {
    principals = await marked(admin, signal);
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
  const marks = await ask(
    (options) => admin.acls.describe(filter, options),
    signal,
  );
  return [...new Set(marks.map(({ principal }) => principal))].sort();
}

async function create(
  admin: DenialsAdmin,
  acls: readonly AclBinding[],
  signal: AbortSignal,
): Promise<void> {
  const answers = await ask(
    (options) => admin.acls.create(acls, options),
    signal,
  );
  for (const { error } of answers) if (error !== null) throw error;
}

async function remove(
  admin: DenialsAdmin,
  acls: readonly AclBinding[],
  signal: AbortSignal,
): Promise<void> {
  const answers = await ask(
    (options) => admin.acls.delete(acls, options),
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
  const filter: AclFilter = { permission: "deny" };
  const { brokers } = await ask(
    (options) => admin.describeCluster(options),
    signal,
  );
  await withDeadline(
    APPLY_MS,
    "have all brokers act by the access rules",
    signal,
    async (its) => {
      for (const { id: broker } of brokers) {
        for (;;) {
          const there = await ask(
            (options) => admin.acls.describe(filter, { ...options, broker }),
            its,
          );
          if (isApplied(there)) break;
          await pause(LOOK_MS, its);
          its.throwIfAborted();
        }
      }
    },
  );
}

const ask = <T>(
  request: (
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ) => Promise<T>,
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
