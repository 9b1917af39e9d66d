import assert from "node:assert/strict";
import {
  ErrorCode,
  isFencedMember,
  isRecordRefused,
  isRetriable,
  isTopicExisting,
  isTopicUnknown,
  KafkaError,
} from "../../src/kafka/mod.ts";
import { errorFromCode } from "../../src/kafka/errors.ts";
import { library } from "../support/embedded.ts";

/** librdkafka's own names of the codes that `ErrorCode` lists. */
const NAMES: Readonly<Record<keyof typeof ErrorCode, string>> = {
  purgedInQueue: "_PURGE_QUEUE",
  purgedInFlight: "_PURGE_INFLIGHT",
  fatal: "_FATAL",
  inconsistent: "_INCONSISTENT",
  maxPollExceeded: "_MAX_POLL_EXCEEDED",
  assignmentLost: "_ASSIGNMENT_LOST",
  noOffset: "_NO_OFFSET",
  unsupportedFeature: "_UNSUPPORTED_FEATURE",
  partitionEof: "_PARTITION_EOF",
  unknownPartition: "_UNKNOWN_PARTITION",
  unknownTopic: "_UNKNOWN_TOPIC",
  allBrokersDown: "_ALL_BROKERS_DOWN",
  queueFull: "_QUEUE_FULL",
  timedOut: "_TIMED_OUT",
  waitCoordinator: "_WAIT_COORD",
  assignPartitions: "_ASSIGN_PARTITIONS",
  revokePartitions: "_REVOKE_PARTITIONS",
  state: "_STATE",
  noEntry: "_NOENT",
  messageTimedOut: "_MSG_TIMED_OUT",
  transport: "_TRANSPORT",
  resolve: "_RESOLVE",
  authentication: "_AUTHENTICATION",
  ssl: "_SSL",
  autoOffsetReset: "_AUTO_OFFSET_RESET",
  brokerDestroyed: "_DESTROY_BROKER",
  previousInProgress: "_PREV_IN_PROGRESS",
  none: "NO_ERROR",
  offsetOutOfRange: "OFFSET_OUT_OF_RANGE",
  invalidMessage: "INVALID_MSG",
  unknownServerError: "UNKNOWN",
  unknownTopicOrPartition: "UNKNOWN_TOPIC_OR_PART",
  messageSizeTooLarge: "MSG_SIZE_TOO_LARGE",
  coordinatorLoadInProgress: "COORDINATOR_LOAD_IN_PROGRESS",
  coordinatorNotAvailable: "COORDINATOR_NOT_AVAILABLE",
  notCoordinator: "NOT_COORDINATOR",
  invalidTopic: "TOPIC_EXCEPTION",
  recordListTooLarge: "RECORD_LIST_TOO_LARGE",
  illegalGeneration: "ILLEGAL_GENERATION",
  unknownMemberId: "UNKNOWN_MEMBER_ID",
  rebalanceInProgress: "REBALANCE_IN_PROGRESS",
  topicAuthorizationFailed: "TOPIC_AUTHORIZATION_FAILED",
  groupAuthorizationFailed: "GROUP_AUTHORIZATION_FAILED",
  clusterAuthorizationFailed: "CLUSTER_AUTHORIZATION_FAILED",
  topicAlreadyExists: "TOPIC_ALREADY_EXISTS",
  policyViolation: "POLICY_VIOLATION",
  transactionalIdAuthorizationFailed: "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
  securityDisabled: "SECURITY_DISABLED",
  fencedInstanceId: "FENCED_INSTANCE_ID",
  invalidRecord: "INVALID_RECORD",
  staleMemberEpoch: "STALE_MEMBER_EPOCH",
};

Deno.test("every code in the table has the number that librdkafka gives it", () => {
  for (const [name, code] of Object.entries(ErrorCode)) {
    const { codeName } = errorFromCode(library.symbols, code, "test");
    assert.equal(codeName, NAMES[name as keyof typeof ErrorCode], name);
  }
});

Deno.test("an error says what was being done, why it failed, and its name", () => {
  const error = errorFromCode(
    library.symbols,
    ErrorCode.unknownMemberId,
    "commit",
  );

  assert(error instanceof KafkaError);
  assert.equal(
    error.message,
    "commit: Broker: Unknown member (UNKNOWN_MEMBER_ID)",
  );
  assert.equal(error.retriable, false);
  assert.equal(error.fatal, false);
  assert.equal(error.abortable, false);
});

Deno.test("predicates tell what a caller can do about an error", () => {
  assert(isRetriable(ErrorCode.timedOut));
  assert(isRetriable(ErrorCode.notCoordinator));
  assert(!isRetriable(ErrorCode.topicAuthorizationFailed));
  assert(isFencedMember(ErrorCode.staleMemberEpoch));
  assert(!isFencedMember(ErrorCode.rebalanceInProgress));
  assert(isRecordRefused(ErrorCode.messageSizeTooLarge));
  assert(!isRecordRefused(ErrorCode.messageTimedOut));
  assert(isTopicExisting(ErrorCode.topicAlreadyExists));
  assert(isTopicUnknown(ErrorCode.unknownTopicOrPartition));
  assert(!isTopicUnknown(ErrorCode.topicAuthorizationFailed));
});

Deno.test("an error with librdkafka's fatal code is fatal", () => {
  assert(errorFromCode(library.symbols, ErrorCode.fatal, "produce").fatal);
});
