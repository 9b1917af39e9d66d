import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeState,
  decodeVote,
  encodeState,
  encodeVote,
  type Entry,
} from "../../dr/state/mod.ts";
import { anyState, anyVote, FIRST, VOTE } from "./support_dr_state.ts";

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);
const stateIn = ({ key, value }: Entry) =>
  decodeState(bytes(key), bytes(value));
const voteIn = ({ key, value }: Entry) => decodeVote(bytes(key), bytes(value));

Deno.test("every state comes back as it was", () => {
  fc.assert(fc.property(anyState, (state) => {
    assert.deepEqual(stateIn(encodeState(state)), {
      kind: "value",
      value: state,
    });
  }));
});

Deno.test("every vote comes back as it was", () => {
  fc.assert(fc.property(anyVote, (vote) => {
    assert.deepEqual(voteIn(encodeVote(vote)), { kind: "value", value: vote });
  }));
});

Deno.test("fields that are not known are kept out, written or read", () => {
  const unknown = fc.dictionary(
    fc.string().filter((name) => !(name in FIRST)),
    fc.jsonValue(),
  );
  fc.assert(fc.property(anyState, unknown, (state, more) => {
    const written = encodeState({ ...more, ...state });
    assert.deepEqual(written, encodeState(state));
    const { key } = written;
    const read = stateIn({ key, value: JSON.stringify({ ...more, ...state }) });
    assert.deepEqual(read, { kind: "value", value: state });
  }));
});

Deno.test("whatever else is in the topic is told, and never thrown", () => {
  const any = fc.option(fc.uint8Array({ maxLength: 60 }));
  const json = fc.json().map(bytes);
  fc.assert(fc.property(any, fc.oneof(any, json), (key, value) => {
    for (const decode of [decodeState, decodeVote]) {
      const decoded = decode(key, value);
      assert.equal(decoded.kind, "unreadable");
      assert.notEqual(decoded.reason, "");
    }
  }));
});

Deno.test("one field that is wrong or missing makes a state unreadable, by its name", () => {
  const names = fc.constantFrom(
    ...Object.keys(FIRST) as (keyof typeof FIRST)[],
  );
  const wrong = fc.constantFrom(undefined, -1, 1.5, [], {}, "rebooting", true);
  fc.assert(fc.property(anyState, names, wrong, (state, name, value) => {
    fc.pre(!(name === "reason" && typeof value === "string"));
    const { key } = encodeState(state);
    const json = JSON.stringify({ ...state, [name]: value });
    const decoded = stateIn({ key, value: json });
    assert.equal(decoded.kind, "unreadable");
    assert.ok(decoded.reason.startsWith(`${name}: `), decoded.reason);
    assert.equal(decoded.epoch, name === "epoch" ? null : state.epoch);
  }));
});

Deno.test("a record under another's key is not believed", () => {
  const { value } = encodeState(FIRST);
  assert.deepEqual(stateIn({ key: "old", value }), {
    kind: "unreadable",
    reason: 'its key is "old" and not "state"',
    epoch: 1,
  });
  const vote = encodeVote(VOTE);
  assert.equal(voteIn({ ...vote, key: "two" }).kind, "unreadable");
});

Deno.test("what could not be read again is not written", () => {
  assert.throws(() => encodeState({ ...FIRST, epoch: 0 }));
  assert.throws(() => encodeVote({ ...VOTE, voter: "" }));
});
