/** The cluster itself. */
import { readCString, readPointerArray } from "../memory.ts";
import type { AdminAccess, RequestOptions } from "./request.ts";
import type { AdminSymbols } from "./symbols.ts";

export interface ClusterDescription {
  /** Null where brokers are too old to have one. */
  readonly clusterId: string | null;
  /** The broker that answers administrative requests; null while none does. */
  readonly controller: number | null;
  readonly brokers: readonly Broker[];
}

export interface Broker {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

export function describeCluster(
  { symbols, request }: AdminAccess,
  options: RequestOptions,
): Promise<ClusterDescription> {
  return request(
    "describe cluster",
    options,
    ({ client, settings, queue }) =>
      symbols.rd_kafka_DescribeCluster(client, settings, queue),
    (answer) => {
      const controller = symbols.rd_kafka_DescribeCluster_result_controller(
        answer,
      );
      return {
        clusterId: readCString(
          symbols.rd_kafka_DescribeCluster_result_cluster_id(answer),
        ) ?? null,
        controller: controller === null
          ? null
          : symbols.rd_kafka_Node_id(controller),
        brokers: readPointerArray((length) =>
          symbols.rd_kafka_DescribeCluster_result_nodes(answer, length)
        ).map((node) => readBroker(symbols, node)),
      };
    },
  );
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
