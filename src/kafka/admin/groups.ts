/** Consumer groups: who is in them, and where they stand. */
import type { KafkaError } from "../errors.ts";
import {
  cString,
  cStringArray,
  readCString,
  readPointerArray,
} from "../memory.ts";
import {
  type PartitionAnswer,
  type PartitionOffset,
  readPartitionList,
  type TopicPartition,
  withPartitionList,
} from "../partition_list.ts";
import { type Broker, readBroker } from "./cluster.ts";
import {
  type AdminAccess,
  readItemError,
  requestList,
  type RequestOptions,
} from "./request.ts";

const UNKNOWN = 0; // RD_KAFKA_CONSUMER_GROUP_TYPE_UNKNOWN

export interface GroupListing {
  readonly groupId: string;
  /** As librdkafka names it: `Stable`, `Empty`, ..., or `Unknown`. */
  readonly state: string;
  /** `Classic`, `Consumer` or `Unknown`. */
  readonly type: string;
}

/** Brokers that failed do not hide what the others say. */
export interface GroupListings {
  readonly groups: readonly GroupListing[];
  readonly errors: readonly KafkaError[];
}

export interface GroupDescription extends GroupListing {
  readonly assignor: string;
  readonly coordinator: Broker | null;
  readonly members: readonly GroupMember[];
  readonly error: KafkaError | null;
}

export interface GroupMember {
  readonly memberId: string;
  readonly clientId: string;
  /** Null for a member without `group.instance.id`. */
  readonly instanceId: string | null;
  readonly host: string;
  readonly partitions: readonly TopicPartition[];
}

export class GroupAdmin {
  readonly #access: AdminAccess;

  constructor(access: AdminAccess) {
    this.#access = access;
  }

  list(options: RequestOptions): Promise<GroupListings> {
    const { core, symbols, request } = this.#access;
    return request(
      "list groups",
      options,
      ({ client, settings, queue }) =>
        symbols.rd_kafka_ListConsumerGroups(client, settings, queue),
      (answer) => ({
        groups: readPointerArray((length) =>
          symbols.rd_kafka_ListConsumerGroups_result_valid(answer, length)
        ).map((each) => ({
          groupId: text(symbols.rd_kafka_ConsumerGroupListing_group_id(each)),
          state: this.#state(symbols.rd_kafka_ConsumerGroupListing_state(each)),
          type: this.#type(symbols.rd_kafka_ConsumerGroupListing_type(each)),
        })),
        errors: readPointerArray((length) =>
          symbols.rd_kafka_ListConsumerGroups_result_errors(answer, length)
        ).map((each) => readItemError(core, each, "list groups"))
          .filter((error) => error !== null),
      }),
    );
  }

  /** A group that does not exist answers with state `Dead` or an error. */
  async describe(
    groupIds: readonly string[],
    options: RequestOptions,
  ): Promise<GroupDescription[]> {
    if (groupIds.length === 0) return [];
    const { core, symbols } = this.#access;
    using names = cStringArray(core, groupIds);
    return await this.#access.request(
      "describe groups",
      { ...options, byCoordinator: true },
      ({ client, settings, queue }) =>
        symbols.rd_kafka_DescribeConsumerGroups(
          client,
          names.pointer,
          BigInt(groupIds.length),
          settings,
          queue,
        ),
      (answer) =>
        readPointerArray((length) =>
          symbols.rd_kafka_DescribeConsumerGroups_result_groups(answer, length)
        ).map((each) => this.#description(each)),
    );
  }

  /**
   * Committed offsets with their metadata: of all partitions that have one, or
   * of those given, null where there is none. `requireStable` leaves out what
   * an open transaction may still change: those answer with a retriable error.
   */
  offsets(
    groupId: string,
    partitions: readonly TopicPartition[] | "all",
    options: RequestOptions & { readonly requireStable?: boolean },
  ): Promise<PartitionAnswer[]> {
    const { core, symbols } = this.#access;
    const newRequest = (list: Deno.PointerValue) =>
      symbols.rd_kafka_ListConsumerGroupOffsets_new(cString(groupId), list);
    const requests = partitions.length === 0 ? [] : [partitions];
    const settings = { ...options, byCoordinator: true };
    return requestList(this.#access, requests, settings, {
      doing: `offsets of group "${groupId}"`,
      build: (each) =>
        each === "all"
          ? newRequest(null)
          : withPartitionList(core, each, newRequest),
      destroy: symbols.rd_kafka_ListConsumerGroupOffsets_destroy,
      send: symbols.rd_kafka_ListConsumerGroupOffsets,
      read: this.#groupPartitions(
        `committed offset of group "${groupId}" in`,
        symbols.rd_kafka_ListConsumerGroupOffsets_result_groups,
      ),
    });
  }

  /** Sets committed offsets; the brokers refuse while the group has members. */
  alterOffsets(
    groupId: string,
    offsets: readonly PartitionOffset[],
    options: RequestOptions,
  ): Promise<PartitionAnswer[]> {
    const { core, symbols } = this.#access;
    const requests = offsets.length === 0 ? [] : [offsets];
    const settings = { ...options, byCoordinator: true };
    return requestList(this.#access, requests, settings, {
      doing: `alter offsets of group "${groupId}"`,
      build: (each) =>
        withPartitionList(
          core,
          each,
          (list) =>
            symbols.rd_kafka_AlterConsumerGroupOffsets_new(
              cString(groupId),
              list,
            ),
        ),
      destroy: symbols.rd_kafka_AlterConsumerGroupOffsets_destroy,
      send: symbols.rd_kafka_AlterConsumerGroupOffsets,
      read: this.#groupPartitions(
        `alter offset of group "${groupId}" in`,
        symbols.rd_kafka_AlterConsumerGroupOffsets_result_groups,
      ),
    });
  }

  #groupPartitions(
    doing: string,
    results: (
      answer: Deno.PointerValue,
      length: Uint8Array<ArrayBuffer>,
    ) => Deno.PointerValue,
  ): (answer: Deno.PointerObject) => PartitionAnswer[] {
    const { core, symbols } = this.#access;
    return (answer) =>
      readPointerArray((length) => results(answer, length)).flatMap((group) => {
        const error = symbols.rd_kafka_group_result_error(group);
        const failed = readItemError(core, error, doing);
        if (failed !== null) throw failed;
        const list = symbols.rd_kafka_group_result_partitions(group);
        return readPartitionList(core, list, doing);
      });
  }

  #description(native: Deno.PointerObject): GroupDescription {
    const { core, symbols } = this.#access;
    const groupId = text(
      symbols.rd_kafka_ConsumerGroupDescription_group_id(native),
    );
    const coordinator = symbols.rd_kafka_ConsumerGroupDescription_coordinator(
      native,
    );
    const memberCount = Number(
      symbols.rd_kafka_ConsumerGroupDescription_member_count(native),
    );
    return {
      groupId,
      state: this.#state(
        symbols.rd_kafka_ConsumerGroupDescription_state(native),
      ),
      type: this.#type(
        symbols.rd_kafka_ConsumerGroupDescription_type?.(native) ?? UNKNOWN,
      ),
      assignor: text(
        symbols.rd_kafka_ConsumerGroupDescription_partition_assignor(native),
      ),
      coordinator: coordinator === null
        ? null
        : readBroker(symbols, coordinator),
      members: Array.from(
        { length: memberCount },
        (_, index) => this.#member(native, index),
      ),
      error: readItemError(
        core,
        symbols.rd_kafka_ConsumerGroupDescription_error(native),
        `describe group "${groupId}"`,
      ),
    };
  }

  #member(group: Deno.PointerObject, index: number): GroupMember {
    const { core, symbols } = this.#access;
    const member = symbols.rd_kafka_ConsumerGroupDescription_member(
      group,
      BigInt(index),
    );
    const assignment = symbols.rd_kafka_MemberDescription_assignment(member);
    const partitions = readPartitionList(
      core,
      symbols.rd_kafka_MemberAssignment_partitions(assignment),
      "assignment of",
    );
    return {
      memberId: text(symbols.rd_kafka_MemberDescription_consumer_id(member)),
      clientId: text(symbols.rd_kafka_MemberDescription_client_id(member)),
      instanceId: readCString(
        symbols.rd_kafka_MemberDescription_group_instance_id(member),
      ) ?? null,
      host: text(symbols.rd_kafka_MemberDescription_host(member)),
      partitions: partitions.map(({ topic, partition }) => ({
        topic,
        partition,
      })),
    };
  }

  #state(code: number): string {
    return text(this.#access.symbols.rd_kafka_consumer_group_state_name(code));
  }

  #type(code: number): string {
    return text(this.#access.symbols.rd_kafka_consumer_group_type_name(code));
  }
}

function text(pointer: Deno.PointerValue): string {
  return readCString(pointer) ?? "";
}
