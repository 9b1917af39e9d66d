/** Bytes of records, for formats_java_test.ts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeCheckpoint,
  decodeHeartbeat,
  decodeOffsetSync,
  decodeSourcePosition,
  encodeCheckpoint,
  encodeHeartbeat,
  encodeOffsetSync,
  encodeSourcePosition,
  type Entry,
} from "../../dr/formats/mod.ts";
import { cases, type Comparison, equals } from "../support/mirror_decisions.ts";

const base64 = ({ key, value }: Entry) => ({
  key: key.toBase64(),
  value: value.toBase64(),
});

const plain = { noNullPrototype: true };
const text = fc.string({ unit: "grapheme", maxLength: 20 });
const count = fc.oneof(fc.nat(1000), fc.maxSafeNat());
const partition = fc.oneof(fc.nat(50), fc.nat(0x7fff_ffff));
/** Both write the same bytes, and each reads what the other wrote. */
function entries<T extends object>(
  name: "offset sync" | "checkpoint" | "heartbeat",
  arbitrary: fc.Arbitrary<T>,
  encode: (value: T) => Entry,
  decode: (key: Uint8Array, value: Uint8Array) => T | null,
): Comparison[] {
  return cases(arbitrary, 40).flatMap((value): Comparison[] => {
    const written = encode(value);
    return [
      {
        question: { kind: `write ${name}`, ...value },
        check: (answer) => {
          assert.deepEqual(answer, base64(written));
          const theirs = answer as { key: string; value: string };
          const read = decode(
            Uint8Array.fromBase64(theirs.key),
            Uint8Array.fromBase64(theirs.value),
          );
          assert.deepEqual(read, value);
        },
      },
      {
        question: { kind: `read ${name}`, ...base64(written) },
        check: equals(value),
      },
    ];
  });
}

export function sourcePositions(): Comparison[] {
  const name = fc.oneof(
    text,
    fc.constantFrom("primary", 'a"\\u001f\u001f\u007f'),
  );
  const position = fc.record({
    connector: fc.oneof(fc.constant("MirrorSourceConnector"), text),
    cluster: name,
    topic: name,
    partition,
    next: count.map((next) => Math.max(next, 1)),
  }, plain);
  return cases(position, 40).flatMap(({ connector, ...each }): Comparison[] => {
    const { next, ...rest } = each;
    const written = base64(encodeSourcePosition(each, connector));
    return [
      {
        question: {
          kind: "write source position",
          ...rest,
          connector,
          offset: next - 1,
        },
        check: (answer) => {
          assert.deepEqual(answer, written);
          const theirs = answer as typeof written;
          const read = decodeSourcePosition(
            Uint8Array.fromBase64(theirs.key),
            Uint8Array.fromBase64(theirs.value),
            connector,
          );
          assert.deepEqual(read, each);
        },
      },
      {
        question: {
          kind: "read source position",
          ...rest,
          connector,
          ...written,
        },
        check: equals(next - 1),
      },
    ];
  });
}

export const offsetSyncs = () =>
  entries(
    "offset sync",
    fc.record(
      { topic: text, partition, upstream: count, downstream: count },
      plain,
    ),
    encodeOffsetSync,
    decodeOffsetSync,
  );

export const checkpoints = () =>
  entries(
    "checkpoint",
    fc.record({
      group: text,
      topic: text,
      partition,
      upstream: count,
      downstream: count,
      metadata: text,
    }, plain),
    encodeCheckpoint,
    decodeCheckpoint,
  );

export const heartbeats = () =>
  entries(
    "heartbeat",
    fc.record({ source: text, target: text, timestampMs: count }, plain),
    encodeHeartbeat,
    decodeHeartbeat,
  );
