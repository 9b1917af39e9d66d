/** Settings of topics, brokers and groups. */
import { errorFromCode, type KafkaError } from "../errors.ts";
import { cString, readCString, readPointerArray } from "../memory.ts";
import { nameOf } from "./names.ts";
import {
  type AdminAccess,
  type ChangeOptions,
  readItemError,
  requestList,
  type RequestOptions,
} from "./request.ts";

const RESOURCE = { topic: 2, group: 3, broker: 4 } as const;
const SOURCE = {
  topic: 1,
  broker: 2,
  allBrokers: 3,
  brokerFile: 4,
  default: 5,
  group: 8,
} as const;
const OPERATION = { set: 0, reset: 1, append: 2, subtract: 3 } as const;

export type ConfigSource = keyof typeof SOURCE | "unknown";

export interface ConfigResource {
  readonly type: keyof typeof RESOURCE;
  /** A topic, a group, or a broker's id; "" for the default of all brokers. */
  readonly name: string;
}

export interface ConfigAnswer {
  readonly type: ConfigResource["type"] | "unknown";
  readonly name: string;
  readonly error: KafkaError | null;
}

export interface ConfigDescription extends ConfigAnswer {
  readonly entries: readonly ConfigEntry[];
}

export interface ConfigEntry {
  readonly name: string;
  /** Null where it is a secret or has no value. */
  readonly value: string | null;
  /** Where the value in force was set. */
  readonly source: ConfigSource;
  readonly isReadOnly: boolean;
  readonly isSensitive: boolean;
}

/** `append` and `subtract` change a list of several values. */
export type ConfigChange =
  | {
    readonly operation: "set" | "append" | "subtract";
    readonly name: string;
    readonly value: string;
  }
  | { readonly operation: "reset"; readonly name: string };

export interface ConfigChanges extends ConfigResource {
  readonly changes: readonly ConfigChange[];
}

export class ConfigAdmin {
  readonly #access: AdminAccess;

  constructor(access: AdminAccess) {
    this.#access = access;
  }

  /** All settings in force, defaults included. One broker a request. */
  describe(
    resources: readonly ConfigResource[],
    options: RequestOptions,
  ): Promise<ConfigDescription[]> {
    const { symbols } = this.#access;
    return requestList(this.#access, resources, options, {
      doing: "describe settings",
      build: (each) => this.#newResource(each),
      destroy: symbols.rd_kafka_ConfigResource_destroy,
      send: symbols.rd_kafka_DescribeConfigs,
      read: (answer) =>
        readPointerArray((length) =>
          symbols.rd_kafka_DescribeConfigs_result_resources(answer, length)
        ).map((each) => ({
          ...this.#answer("describe", each),
          entries: this.#entries(each),
        })),
    });
  }

  /** Changes what is named and leaves the rest. One broker a request. */
  alter(
    resources: readonly ConfigChanges[],
    options: ChangeOptions,
  ): Promise<ConfigAnswer[]> {
    const { symbols } = this.#access;
    return requestList(this.#access, resources, options, {
      doing: "alter settings",
      build: (each) => this.#newChanges(each),
      destroy: symbols.rd_kafka_ConfigResource_destroy,
      send: symbols.rd_kafka_IncrementalAlterConfigs,
      read: (answer) =>
        readPointerArray((length) =>
          symbols.rd_kafka_IncrementalAlterConfigs_result_resources(
            answer,
            length,
          )
        ).map((each) => this.#answer("alter", each)),
    });
  }

  #newResource({ type, name }: ConfigResource): Deno.PointerValue {
    const { symbols } = this.#access;
    return symbols.rd_kafka_ConfigResource_new(RESOURCE[type], cString(name));
  }

  #newChanges(resource: ConfigChanges): Deno.PointerValue {
    const { core, symbols } = this.#access;
    const native = this.#newResource(resource);
    for (const change of resource.changes) {
      const error = symbols.rd_kafka_ConfigResource_add_incremental_config(
        native,
        cString(change.name),
        OPERATION[change.operation],
        change.operation === "reset" ? null : cString(change.value),
      );
      if (error === null) continue;
      const doing = `${change.operation} "${change.name}"`;
      const refused = readItemError(core, error, doing);
      core.rd_kafka_error_destroy(error);
      symbols.rd_kafka_ConfigResource_destroy(native);
      throw refused;
    }
    return native;
  }

  #answer(doing: string, native: Deno.PointerObject): ConfigAnswer {
    const { core, symbols } = this.#access;
    const type = nameOf(RESOURCE, symbols.rd_kafka_ConfigResource_type(native));
    const name = readCString(symbols.rd_kafka_ConfigResource_name(native)) ??
      "";
    const code = symbols.rd_kafka_ConfigResource_error(native);
    const error = code === 0 ? null : errorFromCode(
      core,
      code,
      `${doing} settings of ${type} "${name}"`,
      readCString(symbols.rd_kafka_ConfigResource_error_string(native)),
    );
    return { type, name, error };
  }

  #entries(resource: Deno.PointerObject): ConfigEntry[] {
    const { symbols } = this.#access;
    return readPointerArray((length) =>
      symbols.rd_kafka_ConfigResource_configs(resource, length)
    ).map((each) => ({
      name: readCString(symbols.rd_kafka_ConfigEntry_name(each)) ?? "",
      value: readCString(symbols.rd_kafka_ConfigEntry_value(each)) ?? null,
      source: nameOf(SOURCE, symbols.rd_kafka_ConfigEntry_source(each)),
      isReadOnly: symbols.rd_kafka_ConfigEntry_is_read_only(each) === 1,
      isSensitive: symbols.rd_kafka_ConfigEntry_is_sensitive(each) === 1,
    }));
  }
}
