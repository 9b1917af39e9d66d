import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeVote,
  type Vote,
  VOTE_RETENTION_MS,
  VoteTable,
} from "../../dr/state/mod.ts";
import { anyVote, recordOf, VOTE } from "./support_dr_state.ts";

const NOW_MS = 1_700_000_000_000;

Deno.test("of each voter the latest vote counts, with the broker's time", () => {
  const votes = fc.array(
    fc.tuple(anyVote, fc.constantFrom("a", "b", "c"))
      .map(([vote, voter]): Vote => ({ ...vote, voter })),
  );
  fc.assert(fc.property(votes, (all) => {
    const table = new VoteTable();
    const expected = new Map<string, Vote & { atMs: number }>();
    all.forEach((vote, at) => {
      const atMs = NOW_MS + at;
      expected.set(vote.voter, { ...vote, atMs });
      assert.equal(table.take(recordOf(at, encodeVote(vote), atMs)), null);
    });
    const { brokerNowMs, votes } = table.ballot;
    assert.deepEqual(
      new Map(votes.map((each) => [each.voter, each])),
      expected,
    );
    assert.equal(
      brokerNowMs,
      all.length === 0 ? null : NOW_MS + all.length - 1,
    );
  }));
});

Deno.test("the broker's time does not go back with a leader whose clock is slow", () => {
  const table = new VoteTable();
  table.take(recordOf(0, encodeVote(VOTE), NOW_MS));
  table.take(recordOf(1, encodeVote({ ...VOTE, voter: "two" }), NOW_MS - 500));
  assert.equal(table.ballot.brokerNowMs, NOW_MS);
});

Deno.test("a vote that was taken back does not count, and one that is old is forgotten", () => {
  const table = new VoteTable();
  table.take(recordOf(0, encodeVote(VOTE), NOW_MS));
  table.take(recordOf(1, encodeVote({ ...VOTE, voter: "two" }), NOW_MS + 1));
  table.take(recordOf(2, { key: "two", value: null }, NOW_MS + 2));
  assert.deepEqual(table.ballot.votes.map(({ voter }) => voter), ["one"]);
  const later = NOW_MS + VOTE_RETENTION_MS + 1;
  table.take(recordOf(3, encodeVote({ ...VOTE, voter: "three" }), later));
  assert.deepEqual(table.ballot.votes.map(({ voter }) => voter), ["three"]);
});

Deno.test("what is no vote is told", () => {
  const table = new VoteTable();
  const told = table.take(recordOf(5, { key: "one", value: "{}" }, NOW_MS));
  assert.equal(told?.offset, 5);
  assert.deepEqual(table.ballot.votes, []);
});
