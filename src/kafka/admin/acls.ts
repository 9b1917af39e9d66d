/** Access control lists. */
import type { KafkaError } from "../errors.ts";
import { cString, readCString, readPointerArray } from "../memory.ts";
import { nameOf } from "./names.ts";
import {
  type AdminAccess,
  built,
  readItemError,
  requestList,
  type RequestOptions,
} from "./request.ts";

const RESOURCE = {
  topic: 2,
  group: 3,
  cluster: 4,
  transactionalId: 5,
} as const;
const PATTERN = { literal: 3, prefixed: 4 } as const;
const OPERATION = {
  all: 2,
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const;
const PERMISSION = { deny: 2, allow: 3 } as const;
const ANY = 1;
/** In a filter: literal, wildcard and prefixed patterns that fit the name. */
const MATCH = 2;

export interface AclBinding {
  readonly resource: keyof typeof RESOURCE;
  /** "kafka-cluster" for the cluster. */
  readonly name: string;
  readonly pattern: keyof typeof PATTERN;
  /** For example `User:alice`. */
  readonly principal: string;
  /** An address, or "*". */
  readonly host: string;
  readonly operation: keyof typeof OPERATION;
  readonly permission: keyof typeof PERMISSION;
}

/** What is left out matches everything. */
export type AclFilter =
  & Partial<Omit<AclBinding, "pattern">>
  & { readonly pattern?: AclBinding["pattern"] | "match" };

/** As read: a newer broker may have kinds that librdkafka cannot name. */
export type AclDescription = {
  readonly [Field in keyof AclBinding]: AclBinding[Field] | "unknown";
};

export interface AclAnswer {
  readonly acl: AclBinding;
  readonly error: KafkaError | null;
}

export interface AclDeletion {
  readonly filter: AclFilter;
  readonly deleted: readonly AclDescription[];
  readonly error: KafkaError | null;
}

export class AclAdmin {
  readonly #access: AdminAccess;

  constructor(access: AdminAccess) {
    this.#access = access;
  }

  /** Answers in the order given; one that exists already is a success. */
  async create(
    acls: readonly AclBinding[],
    options: RequestOptions,
  ): Promise<AclAnswer[]> {
    const { core, symbols } = this.#access;
    const errors = await requestList(this.#access, acls, options, {
      doing: "create ACLs",
      build: (each) => this.#newBinding(each),
      destroy: symbols.rd_kafka_AclBinding_destroy,
      send: symbols.rd_kafka_CreateAcls,
      read: (answer) =>
        readPointerArray((length) =>
          symbols.rd_kafka_CreateAcls_result_acls(answer, length)
        ).map((each) => {
          const error = symbols.rd_kafka_acl_result_error(each);
          return readItemError(core, error, "create ACL");
        }),
    });
    return acls.map((acl, index) => ({ acl, error: errors[index] ?? null }));
  }

  /**
   * What one broker applies, by default any: each learns of changes by itself.
   * Nothing, too, where the cluster has no authorizer or the right to ask is
   * missing: librdkafka (2.15.1) drops that error of the answer.
   */
  async describe(
    filter: AclFilter,
    options: RequestOptions & { readonly broker?: number },
  ): Promise<AclDescription[]> {
    const { symbols } = this.#access;
    const native = this.#newFilter(filter);
    try {
      return await this.#access.request(
        "describe ACLs",
        options,
        ({ client, settings, queue }) =>
          symbols.rd_kafka_DescribeAcls(client, native, settings, queue),
        (answer) =>
          readPointerArray((length) =>
            symbols.rd_kafka_DescribeAcls_result_acls(answer, length)
          ).map((each) => this.#read(each)),
      );
    } finally {
      symbols.rd_kafka_AclBinding_destroy(native);
    }
  }

  /** Deletes what any filter matches; answers in the order given. */
  async delete(
    filters: readonly AclFilter[],
    options: RequestOptions,
  ): Promise<AclDeletion[]> {
    const { core, symbols } = this.#access;
    const answers = await requestList(this.#access, filters, options, {
      doing: "delete ACLs",
      build: (each) => this.#newFilter(each),
      destroy: symbols.rd_kafka_AclBinding_destroy,
      send: symbols.rd_kafka_DeleteAcls,
      read: (answer) =>
        readPointerArray((length) =>
          symbols.rd_kafka_DeleteAcls_result_responses(answer, length)
        ).map((each) => ({
          deleted: readPointerArray((length) =>
            symbols.rd_kafka_DeleteAcls_result_response_matching_acls(
              each,
              length,
            )
          ).map((acl) => this.#read(acl)),
          error: readItemError(
            core,
            symbols.rd_kafka_DeleteAcls_result_response_error(each),
            "delete ACLs",
          ),
        })),
    });
    return answers.map((answer, index) => ({
      filter: filters[index]!,
      ...answer,
    }));
  }

  #newBinding(acl: AclBinding): Deno.PointerObject {
    return built(
      "ACL",
      (text, size) =>
        this.#access.symbols.rd_kafka_AclBinding_new(
          RESOURCE[acl.resource],
          cString(acl.name),
          PATTERN[acl.pattern],
          cString(acl.principal),
          cString(acl.host),
          OPERATION[acl.operation],
          PERMISSION[acl.permission],
          text,
          size,
        ),
    );
  }

  #newFilter(filter: AclFilter): Deno.PointerObject {
    const { resource, name, pattern, principal, host, operation, permission } =
      filter;
    const orNull = (value: string | undefined) =>
      value === undefined ? null : cString(value);
    return built(
      "ACL filter",
      (text, size) =>
        this.#access.symbols.rd_kafka_AclBindingFilter_new(
          resource === undefined ? ANY : RESOURCE[resource],
          orNull(name),
          pattern === undefined
            ? ANY
            : pattern === "match"
            ? MATCH
            : PATTERN[pattern],
          orNull(principal),
          orNull(host),
          operation === undefined ? ANY : OPERATION[operation],
          permission === undefined ? ANY : PERMISSION[permission],
          text,
          size,
        ),
    );
  }

  #read(acl: Deno.PointerObject): AclDescription {
    const { symbols } = this.#access;
    return {
      resource: nameOf(RESOURCE, symbols.rd_kafka_AclBinding_restype(acl)),
      name: readCString(symbols.rd_kafka_AclBinding_name(acl)) ?? "",
      pattern: nameOf(
        PATTERN,
        symbols.rd_kafka_AclBinding_resource_pattern_type(acl),
      ),
      principal: readCString(symbols.rd_kafka_AclBinding_principal(acl)) ?? "",
      host: readCString(symbols.rd_kafka_AclBinding_host(acl)) ?? "",
      operation: nameOf(
        OPERATION,
        symbols.rd_kafka_AclBinding_operation(acl),
      ),
      permission: nameOf(
        PERMISSION,
        symbols.rd_kafka_AclBinding_permission_type(acl),
      ),
    };
  }
}
