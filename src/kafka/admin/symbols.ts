/**
 * The functions of librdkafka's Admin API, named as in `rdkafka.h`, parameters
 * in the header's order. None of them blocks: each request is queued, copied,
 * and answered by an event. What a `_result_` function returns lives as long as
 * that event.
 */
import type { Library } from "../library.ts";

const handle = "pointer" as const;
const text = "buffer" as const; // NUL-terminated UTF-8, see `cString`
const array = "buffer" as const; // of addresses, read before the call returns
const out = "buffer" as const; // written before the call returns

/** `X_new(..., errstr, errstr_size)` */
const errorText = [out, "usize"] as const;
/** `f(client, objects, count, options, queue)` */
const request = {
  parameters: [handle, array, "usize", handle, handle],
  result: "void",
} as const;
/** `f(client, object, options, queue)` */
const requestOne = {
  parameters: [handle, handle, handle, handle],
  result: "void",
} as const;
/** `f(client, options, queue)` */
const requestAll = {
  parameters: [handle, handle, handle],
  result: "void",
} as const;
const getArray = { parameters: [handle, out], result: handle } as const;
const get = { parameters: [handle], result: handle } as const;
const getInt = { parameters: [handle], result: "i32" } as const;
const destroy = { parameters: [handle], result: "void" } as const;
const setInt = {
  parameters: [handle, "i32", ...errorText],
  result: "i32",
} as const;
const setFlag = { parameters: [handle, "i32"], result: handle } as const;

export const ADMIN_SYMBOLS = {
  rd_kafka_AdminOptions_new: { parameters: [handle, "i32"], result: handle },
  rd_kafka_AdminOptions_destroy: destroy,
  rd_kafka_AdminOptions_set_request_timeout: setInt,
  rd_kafka_AdminOptions_set_operation_timeout: setInt,
  rd_kafka_AdminOptions_set_validate_only: setInt,
  rd_kafka_AdminOptions_set_broker: setInt,
  rd_kafka_AdminOptions_set_require_stable_offsets: setFlag,
  rd_kafka_AdminOptions_set_isolation_level: setFlag,

  // results that several requests share
  rd_kafka_topic_result_error: getInt,
  rd_kafka_topic_result_error_string: get,
  rd_kafka_topic_result_name: get,
  rd_kafka_group_result_error: get,
  rd_kafka_group_result_name: get,
  rd_kafka_group_result_partitions: get,
  rd_kafka_Node_id: getInt,
  rd_kafka_Node_host: get,
  rd_kafka_Node_port: { parameters: [handle], result: "u16" },
  rd_kafka_Node_rack: get,
  rd_kafka_Uuid_base64str: get,

  // topics
  rd_kafka_NewTopic_new: {
    parameters: [text, "i32", "i32", ...errorText],
    result: handle,
  },
  rd_kafka_NewTopic_set_config: {
    parameters: [handle, text, text],
    result: "i32",
  },
  rd_kafka_NewTopic_destroy: destroy,
  rd_kafka_CreateTopics: request,
  rd_kafka_CreateTopics_result_topics: getArray,
  rd_kafka_DeleteTopic_new: { parameters: [text], result: handle },
  rd_kafka_DeleteTopic_destroy: destroy,
  rd_kafka_DeleteTopics: request,
  rd_kafka_DeleteTopics_result_topics: getArray,
  rd_kafka_NewPartitions_new: {
    parameters: [text, "usize", ...errorText],
    result: handle,
  },
  rd_kafka_NewPartitions_destroy: destroy,
  rd_kafka_CreatePartitions: request,
  rd_kafka_CreatePartitions_result_topics: getArray,
  rd_kafka_TopicCollection_of_topic_names: {
    parameters: [handle, "usize"],
    result: handle,
  },
  rd_kafka_TopicCollection_destroy: destroy,
  rd_kafka_DescribeTopics: requestOne,
  rd_kafka_DescribeTopics_result_topics: getArray,
  rd_kafka_TopicDescription_name: get,
  rd_kafka_TopicDescription_topic_id: get,
  rd_kafka_TopicDescription_is_internal: getInt,
  rd_kafka_TopicDescription_error: get,
  rd_kafka_TopicDescription_partitions: getArray,
  rd_kafka_TopicPartitionInfo_partition: getInt,
  rd_kafka_TopicPartitionInfo_leader: get,
  rd_kafka_TopicPartitionInfo_isr: getArray,
  rd_kafka_TopicPartitionInfo_replicas: getArray,

  // cluster

  // configuration
  rd_kafka_ConfigResource_new: { parameters: ["i32", text], result: handle },
  rd_kafka_ConfigResource_destroy: destroy,
  rd_kafka_ConfigResource_add_incremental_config: {
    parameters: [handle, text, "i32", text],
    result: handle,
  },
  rd_kafka_ConfigResource_type: getInt,
  rd_kafka_ConfigResource_name: get,
  rd_kafka_ConfigResource_error: getInt,
  rd_kafka_ConfigResource_error_string: get,
  rd_kafka_ConfigResource_configs: getArray,
  rd_kafka_ConfigEntry_name: get,
  rd_kafka_ConfigEntry_value: get,
  rd_kafka_ConfigEntry_source: getInt,
  rd_kafka_ConfigEntry_is_read_only: getInt,
  rd_kafka_ConfigEntry_is_sensitive: getInt,
  rd_kafka_DescribeConfigs: request,
  rd_kafka_DescribeConfigs_result_resources: getArray,
  rd_kafka_IncrementalAlterConfigs: request,
  rd_kafka_IncrementalAlterConfigs_result_resources: getArray,

  // records and offsets
  rd_kafka_DeleteRecords_new: { parameters: [handle], result: handle },
  rd_kafka_DeleteRecords_destroy: destroy,
  rd_kafka_DeleteRecords: request,
  rd_kafka_DeleteRecords_result_offsets: get,
  rd_kafka_ListOffsets: requestOne,
  rd_kafka_ListOffsets_result_infos: getArray,
  rd_kafka_ListOffsetsResultInfo_topic_partition: get,
  rd_kafka_ListOffsetsResultInfo_timestamp: {
    parameters: [handle],
    result: "i64",
  },

  // consumer groups
  rd_kafka_ListConsumerGroups: requestAll,
  rd_kafka_ListConsumerGroups_result_valid: getArray,
  rd_kafka_ListConsumerGroups_result_errors: getArray,
  rd_kafka_ConsumerGroupListing_group_id: get,
  rd_kafka_ConsumerGroupListing_state: getInt,
  rd_kafka_ConsumerGroupListing_type: getInt,
  rd_kafka_consumer_group_state_name: { parameters: ["i32"], result: handle },
  rd_kafka_consumer_group_type_name: { parameters: ["i32"], result: handle },
  rd_kafka_DescribeConsumerGroups: {
    parameters: [handle, handle, "usize", handle, handle],
    result: "void",
  },
  rd_kafka_DescribeConsumerGroups_result_groups: getArray,
  rd_kafka_ConsumerGroupDescription_group_id: get,
  rd_kafka_ConsumerGroupDescription_error: get,
  rd_kafka_ConsumerGroupDescription_state: getInt,
  // Not in every librdkafka that Switchyard can use.
  rd_kafka_ConsumerGroupDescription_type: { ...getInt, optional: true },
  rd_kafka_ConsumerGroupDescription_partition_assignor: get,
  rd_kafka_ConsumerGroupDescription_coordinator: get,
  rd_kafka_ConsumerGroupDescription_member_count: {
    parameters: [handle],
    result: "usize",
  },
  rd_kafka_ConsumerGroupDescription_member: {
    parameters: [handle, "usize"],
    result: handle,
  },
  rd_kafka_MemberDescription_client_id: get,
  rd_kafka_MemberDescription_group_instance_id: get,
  rd_kafka_MemberDescription_consumer_id: get,
  rd_kafka_MemberDescription_host: get,
  rd_kafka_MemberDescription_assignment: get,
  rd_kafka_MemberAssignment_partitions: get,
  rd_kafka_ListConsumerGroupOffsets_new: {
    parameters: [text, handle],
    result: handle,
  },
  rd_kafka_ListConsumerGroupOffsets_destroy: destroy,
  rd_kafka_ListConsumerGroupOffsets: request,
  rd_kafka_ListConsumerGroupOffsets_result_groups: getArray,
  rd_kafka_AlterConsumerGroupOffsets_new: {
    parameters: [text, handle],
    result: handle,
  },
  rd_kafka_AlterConsumerGroupOffsets_destroy: destroy,
  rd_kafka_AlterConsumerGroupOffsets: request,
  rd_kafka_AlterConsumerGroupOffsets_result_groups: getArray,

  // access control
  rd_kafka_AclBinding_new: {
    parameters: ["i32", text, "i32", text, text, "i32", "i32", ...errorText],
    result: handle,
  },
  rd_kafka_AclBindingFilter_new: {
    parameters: ["i32", text, "i32", text, text, "i32", "i32", ...errorText],
    result: handle,
  },
  rd_kafka_AclBinding_destroy: destroy,
  rd_kafka_AclBinding_restype: getInt,
  rd_kafka_AclBinding_name: get,
  rd_kafka_AclBinding_principal: get,
  rd_kafka_AclBinding_host: get,
  rd_kafka_AclBinding_operation: getInt,
  rd_kafka_AclBinding_permission_type: getInt,
  rd_kafka_AclBinding_resource_pattern_type: getInt,
  rd_kafka_acl_result_error: get,
  rd_kafka_CreateAcls: request,
  rd_kafka_CreateAcls_result_acls: getArray,
  rd_kafka_DescribeAcls: requestOne,
  rd_kafka_DescribeAcls_result_acls: getArray,
  rd_kafka_DeleteAcls: request,
  rd_kafka_DeleteAcls_result_responses: getArray,
  rd_kafka_DeleteAcls_result_response_error: get,
  rd_kafka_DeleteAcls_result_response_matching_acls: getArray,
} as const satisfies Deno.ForeignLibraryInterface;

export type AdminSymbols = Deno.DynamicLibrary<typeof ADMIN_SYMBOLS>["symbols"];

const opened = new WeakMap<Library, AdminSymbols>();

/** Opened only where it is used: worker threads need none of it. */
export function adminSymbols(library: Library): AdminSymbols {
  const symbols = opened.get(library) ??
    Deno.dlopen(library.path, ADMIN_SYMBOLS).symbols;
  opened.set(library, symbols);
  return symbols;
}
