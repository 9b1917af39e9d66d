/** The cluster itself. */
import { readCString } from "../memory.ts";
import type { ClusterMetadata } from "../metadata.ts";
import type { AdminSymbols } from "./symbols.ts";

export interface ClusterDescription {
  /** Null where brokers are too old to have one. */
  readonly clusterId: string | null;
  /** The broker that answers administrative requests; null while none does. */
  readonly controller: number | null;
  readonly brokers: ClusterMetadata["brokers"];
}

export interface Broker {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

export function readBroker(
  symbols: AdminSymbols,
  node: Deno.PointerObject,
): Broker {
  return {
    id: symbols.rd_kafka_Node_id(node),
    host: readCString(symbols.rd_kafka_Node_host(node)) ?? "",
    port: symbols.rd_kafka_Node_port(node),
    rack: readCString(symbols.rd_kafka_Node_rack(node)) ?? null,
  };
}
