/** What librdkafka reports through its event queues, as plain data. */
import { errorFromCode, type KafkaError } from "./errors.ts";
import { ErrorCode } from "./errors.ts";
import { type Address, addressIn, pointerAt, readCString } from "./memory.ts";
import { type PartitionAnswer, readPartitionList } from "./partition_list.ts";
import type { CoreSymbols } from "./symbols.ts";

export type ClientEvent =
  | { readonly kind: "assign"; readonly partitions: PartitionAnswer[] }
  | { readonly kind: "revoke"; readonly partitions: PartitionAnswer[] }
  | { readonly kind: "error"; readonly error: KafkaError }
  | { readonly kind: "log"; readonly log: ClientLog }
  | { readonly kind: "statistics"; readonly json: string }
  | { readonly kind: "tokenRefresh"; readonly config: string }
  | { readonly kind: "other"; readonly type: number };

/** One line of librdkafka's log; `level` is syslog's (3 error .. 7 debug). */
export interface ClientLog {
  readonly level: number;
  readonly facility: string;
  readonly message: string;
}

/** The `RD_KAFKA_EVENT_*` types of rdkafka.h. */
export const EventType = {
  deliveryReport: 0x1,
  fetch: 0x2,
  log: 0x4,
  error: 0x8,
  rebalance: 0x10,
  offsetCommit: 0x20,
  statistics: 0x40,
  tokenRefresh: 0x100,
} as const;

/** Reads an event; the caller destroys it afterwards. */
export function readEvent(
  symbols: CoreSymbols,
  event: Deno.PointerObject,
): ClientEvent {
  const type = symbols.rd_kafka_event_type(event);
  switch (type) {
    case EventType.rebalance:
      return readRebalance(symbols, event);
    case EventType.error:
      return { kind: "error", error: readError(symbols, event) };
    case EventType.log:
      return { kind: "log", log: readLog(symbols, event) };
    case EventType.statistics:
      return {
        kind: "statistics",
        json: readCString(symbols.rd_kafka_event_stats(event)) ?? "{}",
      };
    case EventType.tokenRefresh:
      return {
        kind: "tokenRefresh",
        config: readCString(symbols.rd_kafka_event_config_string(event)) ?? "",
      };
    default:
      return { kind: "other", type };
  }
}

function readRebalance(
  symbols: CoreSymbols,
  event: Deno.PointerObject,
): ClientEvent {
  const code = symbols.rd_kafka_event_error(event);
  const partitions = readPartitionList(
    symbols,
    symbols.rd_kafka_event_topic_partition_list(event),
    "rebalance",
  );
  switch (code) {
    case ErrorCode.assignPartitions:
      return { kind: "assign", partitions };
    case ErrorCode.revokePartitions:
      return { kind: "revoke", partitions };
    default:
      return { kind: "error", error: readError(symbols, event) };
  }
}

function readError(
  symbols: CoreSymbols,
  event: Deno.PointerObject,
): KafkaError {
  const detail = readCString(symbols.rd_kafka_event_error_string(event));
  return errorFromCode(
    symbols,
    symbols.rd_kafka_event_error(event),
    "Kafka client",
    detail,
    symbols.rd_kafka_event_error_is_fatal(event) === 1,
  );
}

function readLog(symbols: CoreSymbols, event: Deno.PointerObject): ClientLog {
  const facility = new Uint32Array(2);
  const message = new Uint32Array(2);
  const level = new Int32Array(1);
  symbols.rd_kafka_event_log(
    event,
    new Uint8Array(facility.buffer),
    new Uint8Array(message.buffer),
    new Uint8Array(level.buffer),
  );
  return {
    level: level[0]!,
    facility: textAt(addressIn(facility, 0)),
    message: textAt(addressIn(message, 0)),
  };
}

function textAt(address: Address): string {
  return address === 0 ? "" : readCString(pointerAt(address)) ?? "";
}
