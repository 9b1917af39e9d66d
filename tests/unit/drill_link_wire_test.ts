import assert from "node:assert/strict";
import fc from "fast-check";
import { addressOf } from "../../src/commands/drill/link.ts";
import {
  type Address,
  correlationOf,
  Frames,
  headOf,
  rewritten,
} from "../../src/commands/drill/link_wire.ts";

const METADATA = 3;
const FIND_COORDINATOR = 10;
const API_VERSIONS = 18;
const LOCAL: Address = { host: "127.0.0.1", port: 40_001 };

const i16 = (value: number) => [value >> 8 & 255, value & 255];
const i32 = (value: number) => [...i16(value >> 16), ...i16(value)];
const bytesOf = (text: string) => [...new TextEncoder().encode(text)];
const text = (value: string) => [...i16(value.length), ...bytesOf(value)];
const compact = (value: string) => [value.length + 1, ...bytesOf(value)];
const frame = (correlation: number, ...body: number[][]) => {
  const rest = [...i32(correlation), ...body.flat()];
  return Uint8Array.from([...i32(rest.length), ...rest]);
};

/** What was asked for, by which name. */
function through() {
  const asked: Address[] = [];
  const local = (broker: Address) => {
    asked.push(broker);
    return LOCAL;
  };
  return { asked, local };
}

Deno.test("frames come whole and in order, however the stream is cut", () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 4, maxLength: 40 }), {
    maxLength: 10,
  });
  fc.assert(fc.property(bodies, fc.integer({ min: 1, max: 30 }), (all, cut) => {
    const whole = all.map((body) =>
      Uint8Array.from([...i32(body.length), ...body])
    );
    const stream = Uint8Array.from(whole.flatMap((each) => [...each]));
    const frames = new Frames();
    const found: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += cut) {
      for (const each of frames.push(stream.subarray(at, at + cut))) {
        found.push(each.slice());
      }
    }
    assert.deepEqual(found, whole);
  }));
});

Deno.test("a length that no frame has is refused", () => {
  assert.throws(
    () => [...new Frames().push(Uint8Array.from(i32(-2)))],
    RangeError,
  );
});

Deno.test("requests and answers are told apart by their numbers", () => {
  const request = frame(0, i16(9), i32(77));
  // A request begins with its kind: here the first four bytes of the body.
  const head = headOf(Uint8Array.from([
    ...i32(8),
    ...i16(METADATA),
    ...i16(12),
    ...i32(77),
  ]));
  assert.deepEqual(head, [77, { apiKey: METADATA, version: 12 }]);
  assert.equal(correlationOf(request), 0);
});

Deno.test("metadata names brokers by the link, in old forms and in new ones", () => {
  const rest = [1, 2, 3, 4, 5];
  const old = (host: string, port: number) =>
    frame(
      5,
      i32(0),
      i32(2),
      i32(7),
      text(host),
      i32(port),
      i16(-1),
      i32(8),
      text(host),
      i32(port),
      text("rack"),
      rest,
    );
  const flexible = (host: string, port: number) =>
    frame(
      5,
      [0],
      i32(0),
      [2],
      i32(7),
      compact(host),
      i32(port),
      [0],
      [0],
      rest,
    );
  for (
    const [version, answer, brokers] of [[4, old, 2], [
      12,
      flexible,
      1,
    ]] as const
  ) {
    const { asked, local } = through();
    const found = rewritten(
      answer("broker.example.org", 9093),
      { apiKey: METADATA, version },
      local,
    );
    assert.deepEqual(found, answer(LOCAL.host, LOCAL.port));
    assert.deepEqual(
      asked,
      Array(brokers).fill({ host: "broker.example.org", port: 9093 }),
    );
  }
});

Deno.test("a coordinator is named by the link, and an error stays as it is", () => {
  const answer = (error: number, host: string, port: number) =>
    frame(5, i32(0), i16(error), i16(-1), i32(7), text(host), i32(port));
  const request = { apiKey: FIND_COORDINATOR, version: 2 };
  const { local } = through();
  assert.deepEqual(
    rewritten(answer(0, "b1", 9093), request, local),
    answer(0, LOCAL.host, LOCAL.port),
  );
  const failed = answer(15, "", -1);
  assert.deepEqual(rewritten(failed, request, local), failed);
});

Deno.test("kinds of answers that would name brokers elsewhere are capped", () => {
  const answer = (produce: number, fetch: number, other: number) =>
    frame(
      5,
      i16(0),
      [4],
      [...i16(0), ...i16(3), ...i16(produce), 0],
      [...i16(1), ...i16(4), ...i16(fetch), 0],
      [...i16(18), ...i16(0), ...i16(other), 0],
      i32(0),
      [0],
    );
  const { local } = through();
  const request = { apiKey: API_VERSIONS, version: 3 };
  assert.deepEqual(
    rewritten(answer(12, 17, 4), request, local),
    answer(9, 15, 4),
  );
  const unknown = frame(5, i16(35), i32(0));
  assert.deepEqual(rewritten(unknown, request, local), unknown);
});

Deno.test("addresses of brokers are read as librdkafka does", () => {
  assert.deepEqual(addressOf("a.b:1"), { host: "a.b", port: 1 });
  assert.deepEqual(addressOf("a.b"), { host: "a.b", port: 9092 });
  assert.deepEqual(addressOf("[::1]:5"), { host: "::1", port: 5 });
  assert.deepEqual(addressOf("PLAINTEXT://a:5"), { host: "a", port: 5 });
});
