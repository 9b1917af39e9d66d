/**
 * librdkafka's error codes as typed errors. Codes below 0 are the client's own
 * (`RD_KAFKA_RESP_ERR__*`), those above come from a broker. Callers classify by
 * predicate, they never compare numbers.
 */
import { readCString } from "./memory.ts";
import type { CoreSymbols } from "./symbols.ts";

/** The codes that code or tests name; the numbers are fixed by rdkafka.h. */
export const ErrorCode = {
  purgedInQueue: -152,
  purgedInFlight: -151,
  fatal: -150,
  inconsistent: -149,
  maxPollExceeded: -147,
  assignmentLost: -142,
  noOffset: -168,
  unsupportedFeature: -165,
  partitionEof: -191,
  unknownPartition: -190,
  unknownTopic: -188,
  allBrokersDown: -187,
  queueFull: -184,
  timedOut: -185,
  waitCoordinator: -180,
  assignPartitions: -175,
  revokePartitions: -174,
  state: -172,
  noEntry: -156,
  messageTimedOut: -192,
  transport: -195,
  resolve: -193,
  authentication: -169,
  ssl: -181,
  autoOffsetReset: -140,
  brokerDestroyed: -137,
  previousInProgress: -177,
  none: 0,
  offsetOutOfRange: 1,
  invalidMessage: 2,
  unknownServerError: -1,
  unknownTopicOrPartition: 3,
  messageSizeTooLarge: 10,
  coordinatorLoadInProgress: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  invalidTopic: 17,
  recordListTooLarge: 18,
  illegalGeneration: 22,
  unknownMemberId: 25,
  rebalanceInProgress: 27,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  clusterAuthorizationFailed: 31,
  topicAlreadyExists: 36,
  policyViolation: 44,
  transactionalIdAuthorizationFailed: 53,
  securityDisabled: 54,
  fencedInstanceId: 82,
  invalidRecord: 87,
  staleMemberEpoch: 113,
} as const;

const RETRIABLE: ReadonlySet<number> = new Set([
  ErrorCode.timedOut,
  ErrorCode.transport,
  ErrorCode.allBrokersDown,
  ErrorCode.waitCoordinator,
  ErrorCode.resolve,
  ErrorCode.coordinatorLoadInProgress,
  ErrorCode.coordinatorNotAvailable,
  ErrorCode.notCoordinator,
  ErrorCode.rebalanceInProgress,
  ErrorCode.queueFull,
  ErrorCode.state,
  // A broker that left the cluster, or a connection that was given up.
  ErrorCode.brokerDestroyed,
  ErrorCode.previousInProgress,
  5, // LEADER_NOT_AVAILABLE
  6, // NOT_LEADER_FOR_PARTITION
  7, // REQUEST_TIMED_OUT
  13, // NETWORK_EXCEPTION
  19, // NOT_ENOUGH_REPLICAS
  20, // NOT_ENOUGH_REPLICAS_AFTER_APPEND
  41, // NOT_CONTROLLER
  56, // KAFKA_STORAGE_ERROR
  74, // FENCED_LEADER_EPOCH
  75, // UNKNOWN_LEADER_EPOCH
  78, // OFFSET_NOT_AVAILABLE
  88, // UNSTABLE_OFFSET_COMMIT
  89, // THROTTLING_QUOTA_EXCEEDED
]);

/** The record itself is what the cluster refuses; sending it again is vain. */
const RECORD_REFUSED: ReadonlySet<number> = new Set([
  ErrorCode.messageSizeTooLarge,
  ErrorCode.recordListTooLarge,
  ErrorCode.invalidMessage,
  ErrorCode.invalidRecord,
  ErrorCode.unknownPartition,
]);

/** This member's generation is over: the group has gone on without it. */
const FENCED_MEMBER: ReadonlySet<number> = new Set([
  ErrorCode.illegalGeneration,
  ErrorCode.unknownMemberId,
  ErrorCode.staleMemberEpoch,
  ErrorCode.fencedInstanceId,
]);

/** The cluster will not have this client as it is: waiting is vain. */
const CLIENT_REFUSED: ReadonlySet<number> = new Set([
  ErrorCode.authentication,
  ErrorCode.topicAuthorizationFailed,
  ErrorCode.groupAuthorizationFailed,
  ErrorCode.clusterAuthorizationFailed,
  ErrorCode.transactionalIdAuthorizationFailed,
  ErrorCode.fencedInstanceId,
  23, // INCONSISTENT_GROUP_PROTOCOL
  24, // INVALID_GROUP_ID
  26, // INVALID_SESSION_TIMEOUT
  112, // UNSUPPORTED_ASSIGNOR
]);

/** Another producer has taken over the transactional id. */
const FENCED_PRODUCER: ReadonlySet<number> = new Set([
  -144, // _FENCED
  47, // INVALID_PRODUCER_EPOCH
  90, // PRODUCER_FENCED
]);

/**
 * What a broker and an idempotent producer know of each other's sequences does
 * not fit any more; seen after answers were lost and the leader was killed.
 */
const PRODUCER_SPENT: ReadonlySet<number> = new Set([
  ErrorCode.fatal,
  ErrorCode.inconsistent,
  -148, // _GAPLESS_GUARANTEE
  45, // OUT_OF_ORDER_SEQUENCE_NUMBER
  46, // DUPLICATE_SEQUENCE_NUMBER
  47, // INVALID_PRODUCER_EPOCH
  59, // UNKNOWN_PRODUCER_ID
]);

/** Given up by `Producer.purge`, not refused by anybody. */
export const isPurged = (code: number) =>
  code === ErrorCode.purgedInQueue || code === ErrorCode.purgedInFlight;
export const isFencedProducer = (code: number) => FENCED_PRODUCER.has(code);
export const isProducerSpent = (code: number) => PRODUCER_SPENT.has(code);
export const isRecordRefused = (code: number) => RECORD_REFUSED.has(code);
export const isClientRefused = (code: number) => CLIENT_REFUSED.has(code);
export const isFencedMember = (code: number) => FENCED_MEMBER.has(code);
export const isRetriable = (code: number) => RETRIABLE.has(code);
/** The brokers know no such request: the embedded cluster lacks many. */
export const isUnsupported = (code: number) =>
  code === ErrorCode.unsupportedFeature;
/** The topic that was to be created is there: mostly as good as success. */
export const isTopicExisting = (code: number) =>
  code === ErrorCode.topicAlreadyExists;
/** The topic or partition does not exist, or may not be seen. */
export const isTopicUnknown = (code: number) =>
  code === ErrorCode.unknownTopicOrPartition ||
  code === ErrorCode.unknownTopic || code === ErrorCode.unknownPartition;
/** No partition of a whole request has a leader that librdkafka knows. */
export const isLeaderless = (code: number) => code === ErrorCode.noEntry;

/** FENCED_LEADER_EPOCH: the client's metadata is older than the leader. */
export const isLeaderOutdated = (code: number) => code === 74;

/** A broker has failed at the request, and does not know why. */
export const isServerFailure = (error: unknown) =>
  error instanceof KafkaError && error.code === ErrorCode.unknownServerError;

/** librdkafka was waited for in vain: see `Client.bounded`. */
export const isUnanswered = (error: unknown) =>
  error instanceof KafkaError && error.code === ErrorCode.timedOut &&
  !error.retriable;

export interface KafkaErrorFields {
  readonly code: number;
  /** librdkafka's name of the code, for example `_TRANSPORT`. */
  readonly codeName: string;
  /** Trying the same call again may succeed. */
  readonly retriable?: boolean;
  /** The client instance cannot be used any more. */
  readonly fatal?: boolean;
  /** The current transaction must be aborted. */
  readonly abortable?: boolean;
}

/** An error that librdkafka or a broker reported. */
export class KafkaError extends Error {
  override readonly name = "KafkaError";
  readonly code: number;
  readonly codeName: string;
  readonly retriable: boolean;
  readonly fatal: boolean;
  readonly abortable: boolean;

  constructor(message: string, fields: KafkaErrorFields) {
    super(message);
    this.code = fields.code;
    this.codeName = fields.codeName;
    this.retriable = fields.retriable ?? isRetriable(fields.code);
    this.fatal = fields.fatal ?? fields.code === ErrorCode.fatal;
    this.abortable = fields.abortable ?? false;
  }
}

export function errorFromCode(
  symbols: CoreSymbols,
  code: number,
  doing: string,
  detail?: string,
  fatal?: boolean,
): KafkaError {
  const text = detail ?? readCString(symbols.rd_kafka_err2str(code)) ?? "";
  const codeName = readCString(symbols.rd_kafka_err2name(code)) ?? `${code}`;
  return new KafkaError(`${doing}: ${text} (${codeName})`, {
    code,
    codeName,
    ...(fatal === undefined ? {} : { fatal }),
  });
}

/** Throws what `code` stands for; does nothing for 0. */
export function throwIfError(
  symbols: CoreSymbols,
  code: number,
  doing: string,
): void {
  if (code !== ErrorCode.none) throw errorFromCode(symbols, code, doing);
}

/** Takes over a `rd_kafka_error_t *` (NULL: no error), frees it and throws. */
export function throwIfErrorObject(
  symbols: CoreSymbols,
  error: Deno.PointerValue,
  doing: string,
): void {
  if (error === null) return;
  const code = symbols.rd_kafka_error_code(error);
  const fields = {
    code,
    codeName: readCString(symbols.rd_kafka_err2name(code)) ?? `${code}`,
    retriable: symbols.rd_kafka_error_is_retriable(error) === 1,
    fatal: symbols.rd_kafka_error_is_fatal(error) === 1,
    abortable: symbols.rd_kafka_error_txn_requires_abort(error) === 1,
  };
  const text = readCString(symbols.rd_kafka_error_string(error)) ?? "";
  symbols.rd_kafka_error_destroy(error);
  throw new KafkaError(`${doing}: ${text} (${fields.codeName})`, fields);
}
