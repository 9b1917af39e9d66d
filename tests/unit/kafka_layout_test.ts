import assert from "node:assert/strict";
import { type Library, verifyLayout } from "../../src/kafka/mod.ts";
import { addressOf, pointerAt } from "../../src/kafka/memory.ts";
import { library } from "../support/embedded.ts";

const WORD_BYTES = 8;

/** The library with some of its functions replaced. */
function altered(symbols: Partial<Library["symbols"]>): Library {
  return {
    ...library,
    path: `altered-${crypto.randomUUID()}`,
    symbols: { ...library.symbols, ...symbols },
  };
}

Deno.test("the layouts are those of the library that is in use", async () => {
  await verifyLayout(altered({}));
});

Deno.test("a library whose messages begin with another field is refused", async () => {
  const shifted = altered({
    rd_kafka_event_message_array(event, messages, size) {
      const count = library.symbols.rd_kafka_event_message_array(
        event,
        messages,
        size,
      );
      const addresses = new BigUint64Array(
        Deno.UnsafePointerView.getArrayBuffer(
          messages!,
          Number(count) * WORD_BYTES,
        ),
      );
      addresses.forEach((address, index) =>
        addresses[index] = address - BigInt(WORD_BYTES)
      );
      return count;
    },
  });

  await assert.rejects(
    verifyLayout(shifted),
    /lays out rd_kafka_message_t in another way than .* `deno task native`/,
  );
});

Deno.test("a library whose partitions take another number of bytes is refused", async () => {
  let added = 0;
  const wider = altered({
    rd_kafka_topic_partition_list_add(list, topic, partition) {
      const element = library.symbols.rd_kafka_topic_partition_list_add(
        list,
        topic,
        partition,
      );
      const address = addressOf(element) + added++ * WORD_BYTES;
      return pointerAt(address as ReturnType<typeof addressOf>);
    },
  });

  await assert.rejects(
    verifyLayout(wider),
    /lays out rd_kafka_topic_partition_list_t in another way/,
  );
});

Deno.test("a library whose partitions have their fields elsewhere is refused", async () => {
  const swapped = altered({
    rd_kafka_topic_partition_list_add(list, topic) {
      return library.symbols.rd_kafka_topic_partition_list_add(list, topic, 3);
    },
  });

  await assert.rejects(
    verifyLayout(swapped),
    /lays out rd_kafka_topic_partition_t in another way/,
  );
});

Deno.test("a library that takes arguments in another layout is refused", async () => {
  const stranger = altered({
    rd_kafka_produceva(client, list, count) {
      // As a library whose argument types have other numbers would see them.
      const view = Deno.UnsafePointerView.getArrayBuffer(
        Deno.UnsafePointer.create(BigInt(list))!,
        4,
      );
      new Int32Array(view)[0] = 99;
      return library.symbols.rd_kafka_produceva(client, list, count);
    },
  });

  await assert.rejects(
    verifyLayout(stranger),
    /lays out rd_kafka_vu_t in another way/,
  );
});
