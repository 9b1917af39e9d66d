/** Who a consumer is in its group, as transactions name it (KIP-447). */
import { cString, readCString } from "./memory.ts";
import { Handle } from "./handle.ts";
import type { Library } from "./library.ts";

const NO_GENERATION = -1;
const OUTSIDER = "switchyard-outside";

/**
 * A member at the moment when this was read. Brokers refuse offsets under one
 * that the group has gone on without, except that of no member at all, whose
 * offsets they take unchecked: see `isMember`.
 */
export class GroupMembership implements Disposable {
  /**
   * For one that is no member and says so: under this name and no generation
   * brokers take offsets while the group is empty, or does not exist, and refuse
   * them as those of an unknown member while it has members (`validateOffsetCommit`
   * of Kafka's ClassicGroup and ConsumerGroup).
   */
  static outside(library: Library, group: string): GroupMembership {
    return new GroupMembership(
      library,
      library.symbols.rd_kafka_consumer_group_metadata_new_with_genid(
        cString(group),
        NO_GENERATION,
        cString(OUTSIDER),
        null,
      ),
    );
  }

  readonly #handle: Handle<"membership">;
  readonly memberId: string;
  /** Of the classic protocol; the member's epoch under KIP-848. */
  readonly generation: number;

  /** @param pointer a `rd_kafka_consumer_group_metadata_t *`, taken over */
  constructor({ symbols }: Library, pointer: Deno.PointerValue) {
    this.#handle = new Handle("membership", pointer, (each) => {
      symbols.rd_kafka_consumer_group_metadata_destroy(each);
    });
    this.memberId = readCString(
      symbols.rd_kafka_consumer_group_metadata_member_id(this.pointer),
    ) ?? "";
    this.generation = symbols.rd_kafka_consumer_group_metadata_generation_id(
      this.pointer,
    );
  }

  /** False before the group was joined, and once the group dropped the member. */
  get isMember(): boolean {
    return this.memberId !== "" && this.generation > 0;
  }

  get pointer(): Deno.PointerObject {
    return this.#handle.pointer;
  }

  [Symbol.dispose](): void {
    this.#handle[Symbol.dispose]();
  }
}
