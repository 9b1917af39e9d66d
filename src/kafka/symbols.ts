/**
 * The functions of librdkafka that Switchyard calls, named as in `rdkafka.h`
 * and `rdkafka_mock.h` (2.8 or later), parameters in the header's order.
 *
 * Blocking functions are declared `nonblocking`: Deno runs them on a thread of
 * its own, so they must be given native memory only, never a JavaScript buffer
 * (which could be collected meanwhile).
 */
const handle = "pointer" as const;
const text = "buffer" as const; // NUL-terminated UTF-8, see `cString`
const out = "buffer" as const; // written before the call returns

export const CORE_SYMBOLS = {
  rd_kafka_version: { parameters: [], result: "i32" },
  rd_kafka_version_str: { parameters: [], result: handle },
  rd_kafka_err2name: { parameters: ["i32"], result: handle },
  rd_kafka_err2str: { parameters: ["i32"], result: handle },
  rd_kafka_mem_malloc: { parameters: [handle, "usize"], result: handle },
  // libc's, found through librdkafka, which is linked to it
  memcpy: { parameters: ["usize", "usize", "usize"], result: "void" },
  dlopen: { parameters: [text, "i32"], result: handle },
  // OpenSSL's; not where librdkafka was built without it, or keeps it to itself
  OPENSSL_init_crypto: {
    parameters: ["u64", handle],
    result: "i32",
    optional: true,
  },
  rd_kafka_clusterid: { parameters: [handle, "i32"], result: handle },
  rd_kafka_controllerid: { parameters: [handle, "i32"], result: "i32" },
  rd_kafka_mem_free: { parameters: [handle, handle], result: "void" },

  // error objects
  rd_kafka_error_code: { parameters: [handle], result: "i32" },
  rd_kafka_error_string: { parameters: [handle], result: handle },
  rd_kafka_error_is_fatal: { parameters: [handle], result: "i32" },
  rd_kafka_error_is_retriable: { parameters: [handle], result: "i32" },
  rd_kafka_error_txn_requires_abort: { parameters: [handle], result: "i32" },
  rd_kafka_error_destroy: { parameters: [handle], result: "void" },
  rd_kafka_fatal_error: { parameters: [handle, out, "usize"], result: "i32" },

  // configuration
  rd_kafka_conf_new: { parameters: [], result: handle },
  rd_kafka_conf_destroy: { parameters: [handle], result: "void" },
  rd_kafka_conf_set: {
    parameters: [handle, text, text, out, "usize"],
    result: "i32",
  },
  rd_kafka_conf_dump: { parameters: [handle, out], result: handle },
  rd_kafka_topic_conf_new: { parameters: [], result: handle },
  rd_kafka_topic_conf_destroy: { parameters: [handle], result: "void" },
  rd_kafka_topic_conf_dump: { parameters: [handle, out], result: handle },
  rd_kafka_conf_dump_free: { parameters: [handle, "usize"], result: "void" },
  rd_kafka_conf_set_events: { parameters: [handle, "i32"], result: "void" },

  // clients and queues
  rd_kafka_new: {
    parameters: ["i32", handle, out, "usize"],
    result: handle,
  },
  rd_kafka_name: { parameters: [handle], result: handle },
  rd_kafka_destroy: {
    parameters: [handle],
    result: "void",
    nonblocking: true,
  },
  rd_kafka_set_log_queue: { parameters: [handle, handle], result: "i32" },
  rd_kafka_poll_set_consumer: { parameters: [handle], result: "i32" },
  rd_kafka_queue_new: { parameters: [handle], result: handle },
  rd_kafka_queue_destroy: { parameters: [handle], result: "void" },
  rd_kafka_queue_get_main: { parameters: [handle], result: handle },
  rd_kafka_queue_get_consumer: { parameters: [handle], result: handle },
  rd_kafka_queue_get_partition: {
    parameters: [handle, text, "i32"],
    result: handle,
  },
  rd_kafka_queue_forward: { parameters: [handle, handle], result: "void" },
  rd_kafka_queue_yield: { parameters: [handle], result: "void" },
  rd_kafka_queue_length: { parameters: [handle], result: "usize" },
  rd_kafka_queue_poll: { parameters: [handle, "i32"], result: handle },
  rd_kafka_queue_poll_wait: {
    name: "rd_kafka_queue_poll",
    parameters: [handle, "i32"],
    result: handle,
    nonblocking: true,
  },

  // events
  rd_kafka_event_type: { parameters: [handle], result: "i32" },
  rd_kafka_event_destroy: { parameters: [handle], result: "void" },
  rd_kafka_event_error: { parameters: [handle], result: "i32" },
  rd_kafka_event_error_string: { parameters: [handle], result: handle },
  rd_kafka_event_error_is_fatal: { parameters: [handle], result: "i32" },
  rd_kafka_event_topic_partition_list: {
    parameters: [handle],
    result: handle,
  },
  rd_kafka_event_log: { parameters: [handle, out, out, out], result: "i32" },
  rd_kafka_event_stats: { parameters: [handle], result: handle },
  rd_kafka_event_config_string: { parameters: [handle], result: handle },
  rd_kafka_event_message_count: { parameters: [handle], result: "usize" },
  rd_kafka_event_message_array: {
    parameters: [handle, handle, "usize"],
    result: "usize",
  },

  // partition lists
  rd_kafka_topic_partition_list_new: { parameters: ["i32"], result: handle },
  rd_kafka_topic_partition_list_destroy: {
    parameters: [handle],
    result: "void",
  },
  rd_kafka_topic_partition_list_add: {
    parameters: [handle, text, "i32"],
    result: handle,
  },
  rd_kafka_topic_partition_get_leader_epoch: {
    parameters: [handle],
    result: "i32",
  },
  rd_kafka_topic_partition_set_leader_epoch: {
    parameters: [handle, "i32"],
    result: "void",
  },

  // consumer
  rd_kafka_subscribe: { parameters: [handle, handle], result: "i32" },
  rd_kafka_unsubscribe: { parameters: [handle], result: "i32" },
  rd_kafka_rebalance_protocol: { parameters: [handle], result: handle },
  rd_kafka_assignment_lost: { parameters: [handle], result: "i32" },
  rd_kafka_incremental_assign: {
    parameters: [handle, handle],
    result: handle,
  },
  rd_kafka_incremental_unassign: {
    parameters: [handle, handle],
    result: handle,
  },
  rd_kafka_pause_partitions: { parameters: [handle, handle], result: "i32" },
  rd_kafka_resume_partitions: { parameters: [handle, handle], result: "i32" },
  rd_kafka_seek_partitions: {
    parameters: [handle, handle, "i32"],
    result: handle,
    nonblocking: true,
  },
  rd_kafka_commit: {
    parameters: [handle, handle, "i32"],
    result: "i32",
    nonblocking: true,
  },
  rd_kafka_committed: {
    parameters: [handle, handle, "i32"],
    result: "i32",
    nonblocking: true,
  },
  rd_kafka_position: { parameters: [handle, handle], result: "i32" },
  rd_kafka_offsets_for_times: {
    parameters: [handle, handle, "i32"],
    result: "i32",
    nonblocking: true,
  },
  rd_kafka_query_watermark_offsets: {
    parameters: [handle, handle, "i32", handle, handle, "i32"],
    result: "i32",
    nonblocking: true,
  },
  rd_kafka_get_watermark_offsets: {
    parameters: [handle, text, "i32", out, out],
    result: "i32",
  },
  rd_kafka_consumer_close_queue: {
    parameters: [handle, handle],
    result: handle,
  },
  rd_kafka_consumer_closed: { parameters: [handle], result: "i32" },
  rd_kafka_memberid: { parameters: [handle], result: handle },
  rd_kafka_consumer_group_metadata: { parameters: [handle], result: handle },
  rd_kafka_consumer_group_metadata_new_with_genid: {
    parameters: [text, "i32", text, text], // group_id, generation_id, member_id, group_instance_id
    result: handle,
  },
  rd_kafka_consumer_group_metadata_member_id: {
    parameters: [handle],
    result: handle,
  },
  rd_kafka_consumer_group_metadata_generation_id: {
    parameters: [handle],
    result: "i32",
  },
  rd_kafka_consumer_group_metadata_destroy: {
    parameters: [handle],
    result: "void",
  },
  rd_kafka_consume_batch_queue: {
    parameters: [handle, "i32", handle, "usize"],
    result: "isize",
  },
  rd_kafka_consume_batch_queue_wait: {
    name: "rd_kafka_consume_batch_queue",
    parameters: [handle, "i32", handle, "usize"],
    result: "isize",
    nonblocking: true,
  },

  // messages; their addresses are read from native memory as numbers
  rd_kafka_message_destroy: { parameters: ["usize"], result: "void" },
  rd_kafka_message_timestamp: { parameters: ["usize", handle], result: "i64" },
  rd_kafka_message_leader_epoch: { parameters: ["usize"], result: "i32" },
  rd_kafka_message_headers: { parameters: ["usize", out], result: "i32" },
  rd_kafka_message_detach_headers: {
    parameters: ["usize", out],
    result: "i32",
  },
  rd_kafka_headers_destroy: { parameters: ["usize"], result: "void" },
  rd_kafka_message_errstr: { parameters: ["usize"], result: handle },
  rd_kafka_header_get_all: {
    parameters: ["usize", "usize", out, out, out],
    result: "i32",
  },
  rd_kafka_header_get_last: {
    parameters: ["usize", text, out, out],
    result: "i32",
  },
  rd_kafka_topic_name: { parameters: [handle], result: handle },

  // producer
  rd_kafka_topic_new: { parameters: [handle, text, handle], result: handle },
  rd_kafka_topic_destroy: { parameters: [handle], result: "void" },
  rd_kafka_produce_batch: {
    parameters: [handle, "i32", "i32", handle, "i32"],
    result: "i32",
  },
  rd_kafka_produceva: {
    parameters: [handle, "usize", "usize"], // an address: see memory.ts
    result: handle,
  },
  rd_kafka_outq_len: { parameters: [handle], result: "i32" },
  rd_kafka_flush: {
    parameters: [handle, "i32"],
    result: "i32",
    nonblocking: true,
  },
  rd_kafka_purge: { parameters: [handle, "i32"], result: "i32" },
  rd_kafka_init_transactions: {
    parameters: [handle, "i32"],
    result: handle,
    nonblocking: true,
  },
  rd_kafka_begin_transaction: { parameters: [handle], result: handle },
  rd_kafka_send_offsets_to_transaction: {
    parameters: [handle, handle, handle, "i32"],
    result: handle,
    nonblocking: true,
  },
  rd_kafka_commit_transaction: {
    parameters: [handle, "i32"],
    result: handle,
    nonblocking: true,
  },
  rd_kafka_abort_transaction: {
    parameters: [handle, "i32"],
    result: handle,
    nonblocking: true,
  },

  // OAUTHBEARER
  rd_kafka_oauthbearer_set_token: {
    parameters: [
      handle,
      text,
      "i64",
      text,
      handle,
      "usize",
      out,
      "usize",
    ],
    result: "i32",
  },
  rd_kafka_oauthbearer_set_token_failure: {
    parameters: [handle, text],
    result: "i32",
  },

  // metadata
  rd_kafka_metadata: {
    parameters: [handle, "i32", handle, handle, "i32"],
    result: "i32",
    nonblocking: true,
  },
  rd_kafka_metadata_destroy: { parameters: [handle], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

export type CoreSymbols = Deno.DynamicLibrary<typeof CORE_SYMBOLS>["symbols"];
