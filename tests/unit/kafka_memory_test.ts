import fc from "fast-check";
import assert from "node:assert/strict";
import { Handle } from "../../src/kafka/handle.ts";
import {
  addressIn,
  addressOf,
  cString,
  cStringArray,
  int64In,
  memoryAt,
  NativeBlock,
  pointerArray,
  readCString,
  readPointerArray,
  setInt64,
} from "../../src/kafka/memory.ts";
import {
  readPartitionList,
  withPartitionList,
} from "../../src/kafka/partition_list.ts";
import { library } from "../support/embedded.ts";

const { symbols } = library;

Deno.test("64-bit numbers keep their value in two words", () => {
  fc.assert(fc.property(
    fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
    (value) => {
      const words = new Uint32Array(2);
      setInt64(words, 0, value);
      assert.equal(int64In(words, 0), value);
      assert.equal(new BigInt64Array(words.buffer)[0], BigInt(value));
    },
  ));
});

Deno.test("a C string ends where the text does, and refuses a NUL inside", () => {
  assert.deepEqual([...cString("\u00e9")], [0xc3, 0xa9, 0]);
  assert.throws(() => cString("a\0b"), TypeError);
});

Deno.test("texts keep their order and content in a C array", () => {
  fc.assert(fc.property(
    fc.array(
      fc.string({ unit: "grapheme" }).map((it) => it.replaceAll("\0", "")),
    ),
    (texts) => {
      using block = cStringArray(symbols, texts);
      const read = readPointerArray((length) => {
        new Uint32Array(length.buffer)[0] = texts.length;
        return block.pointer;
      });
      assert.deepEqual(
        read.map(readCString),
        texts.map((text) =>
          new TextDecoder().decode(new TextEncoder().encode(text))
        ),
      );
    },
  ));
});

Deno.test("pointers keep their order in a C array", () => {
  using one = new NativeBlock(symbols, 8);
  using other = new NativeBlock(symbols, 8);

  const words = new Uint32Array(
    pointerArray([other.pointer, one.pointer]).buffer,
  );

  assert.equal(addressIn(words, 0), other.address);
  assert.equal(addressIn(words, 2), one.address);
});

Deno.test("an empty C array may be NULL", () => {
  assert.deepEqual(readPointerArray(() => null), []);
});

Deno.test("a view of an address shows the bytes of the block that lies there", () => {
  using block = new NativeBlock(symbols, 64);
  block.bytes.set([1, 2, 3, 4], 32);

  const { bytes, words } = memoryAt(block.address + 32, 8);

  assert.deepEqual([...bytes], [1, 2, 3, 4, 0, 0, 0, 0]);
  assert.deepEqual([...words], [0x04030201, 0]);
  assert.equal(addressOf(block.pointer), block.address);
});

Deno.test("the null address cannot be looked at", () => {
  assert.throws(() => memoryAt(0, 8), RangeError);
});

Deno.test("a handle destroys once and refuses use afterwards", () => {
  using block = new NativeBlock(symbols, 8);
  let destroyed = 0;
  const handle = new Handle<"thing">("thing", block.pointer, () => destroyed++);
  assert.equal(handle.pointer, block.pointer);

  handle[Symbol.dispose]();
  handle[Symbol.dispose]();

  assert.equal(destroyed, 1);
  assert(handle.disposed);
  assert.throws(
    () => handle.pointer,
    /^TypeError: this thing has been closed$/,
  );
  assert.throws(() => new Handle("thing", null, () => {}), /gave no thing/);
});

const partitionOffset = fc.record({
  topic: fc.string({ unit: "grapheme", minLength: 1 })
    .map((it) => it.replaceAll("\0", "0")),
  partition: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  offset: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  metadata: fc.string({ unit: "grapheme" }),
  leaderEpoch: fc.option(fc.nat()),
});

Deno.test("a native partition list holds what was put into it", () => {
  const encoded = (text: string) =>
    new TextDecoder().decode(new TextEncoder().encode(text));
  fc.assert(fc.property(fc.array(partitionOffset), (partitions) => {
    const read = withPartitionList(
      symbols,
      partitions,
      (list) => readPartitionList(symbols, list, "test"),
    );
    assert.deepEqual(
      read,
      partitions.map((each) => ({
        ...each,
        topic: encoded(each.topic),
        metadata: encoded(each.metadata),
        error: null,
      })),
    );
  }));
});

Deno.test("logical offsets are no numbers when read back", () => {
  const read = withPartitionList(
    symbols,
    (["earliest", "latest", "stored"] as const).map((offset, partition) => ({
      topic: "topic",
      partition,
      offset,
    })),
    (list) => readPartitionList(symbols, list, "test"),
  );

  assert.deepEqual(read.map(({ offset }) => offset), [null, null, null]);
  assert.deepEqual(readPartitionList(symbols, null, "test"), []);
});
