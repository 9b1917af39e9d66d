import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compileJavaPattern,
  configFilter,
  groupFilter,
  lanesTopic,
  namePattern,
  PatternError,
  topicFilter,
} from "../../dr/formats/mod.ts";
import { MIRROR_DEFAULTS } from "../support/mirror_defaults.ts";

const { topics, excludeTopics, groups, excludeGroups } = MIRROR_DEFAULTS;

Deno.test("by default all topics are wanted but replicas and internal ones", () => {
  const isWanted = topicFilter(topics, excludeTopics);
  for (const name of ["logins", "a.internal", "replica", "mm2", "_a"]) {
    assert.ok(isWanted(name), name);
  }
  for (const name of ["mm2-offsets.a.internal", "a.replica", "__a"]) {
    assert.ok(!isWanted(name), name);
  }
});

Deno.test("MirrorMaker 2's default lets the mirror's state pass, and the list in docs/mirroring.md does not", async () => {
  const page = await Deno.readTextFile(
    new URL("../../docs/mirroring.md", import.meta.url),
  );
  const [, advised = ""] = /^ {4}topics\.exclude = (.*)$/m.exec(page) ?? [];
  const state = lanesTopic("primary");
  assert.ok(topicFilter(topics, excludeTopics)(state));
  assert.ok(!topicFilter(topics, advised)(state));
  const byDefault = excludeTopics.split(",");
  assert.deepEqual(advised.split(", ").slice(0, byDefault.length), byDefault);
});

Deno.test("by default all groups are wanted but those of consoles and Connect", () => {
  const isWanted = groupFilter(groups, excludeGroups);
  assert.ok(isWanted("switchyard"));
  for (const name of ["console-consumer-1", "connect-sink", "__internal"]) {
    assert.ok(!isWanted(name), name);
  }
});

Deno.test("a name must match as a whole, one of the list is enough, and what is excluded stays so", () => {
  const isWanted = topicFilter(" logins , orders[.]\\d+ ", "orders.13");
  for (const name of ["logins", "orders.7"]) assert.ok(isWanted(name), name);
  for (const name of ["logins2", "my-logins", "orders.", "orders.13"]) {
    assert.ok(!isWanted(name), name);
  }
});

Deno.test("an empty list matches nothing", () => {
  assert.ok(!topicFilter("", "")("logins"));
  assert.ok(!topicFilter([], "")("logins"));
  assert.ok(topicFilter(".*", " ")("__anything"));
});

Deno.test("a list that is given in parts may have commas in them", () => {
  const isWanted = topicFilter(["a{1,2}", "b"], "");
  assert.deepEqual(["a", "aa", "aaa", "b"].map(isWanted), [
    true,
    true,
    false,
    true,
  ]);
});

for (
  const [list, problem] of [
    ["a,,b", /^PatternError: topics: a part of the list is empty$/],
    ["a{1,2}", /"a\{1\|2\}": "\{" is no count; a comma divides/],
    ["a,*b", /^PatternError: topics: "a\|\*b": "\*" repeats nothing$/],
    ["(a", /"\(" is never closed/],
    ["a)", /"\)" opens no group/],
    ["[a", /"\[" is never closed/],
    ["[a-", /"\[" is never closed/],
    ["[]a]", /"\[\]" is empty/],
    ["[b-a]", /"b-" is no range/],
    ["[a-\\d]", /"a-" is no range/],
    ["a*+", /"\*\+" repeats what is repeated already/],
    ["a{2}{3}", /repeats what is repeated already/],
    ["^*a", /"\*" repeats nothing/],
    ["a{2,1}", /is no count/],
    ["(a|^){2}b", /"\{2\}" repeats what may be empty/],
    ["(?>a)", /"\(\?>" is not supported/],
    ["(?x)a", /"\(\?x" is not supported/],
    ["(a)\\1", /"\\\\1" is not supported/],
    ["\\p{Alpha}+", /"\\\\p" is not supported/],
    ["[a-z&&[^b]]", /"&" in a set is not supported/],
    ["[a[b]]", /"\[" in a set is not supported/],
    ["[\\b]", /"\\\\b" is not supported/],
    ["a\\", /escapes nothing/],
  ] as const
) {
  Deno.test(`the list ${list} is refused, with the place`, () => {
    assert.throws(() => topicFilter(list, ""), (error) => {
      assert.ok(error instanceof PatternError);
      assert.match(String(error), problem);
      return true;
    });
  });
}

for (
  const [pattern, matching, others] of [
    ["a.c", ["abc", "a.c", "aéc"], ["ac", "a\nc", "a\u0085c"]],
    ["(?i)ab|c", ["AB", "aB", "C"], ["abc"]],
    ["a((?i)b)c", ["abc", "aBc"], ["ABc", "abC"]],
    ["a(?i:b)c", ["aBc"], ["aBC"]],
    // V8 15.0 lets a flag of a group leak into sets outside of it.
    ["(?i:x)?[^A-B]", ["b", "Xb"], ["A", "xB"]],
    ["(?i)[Y-_]é", ["yé", "Zé", "^é"], ["xé", "`é", "yÉ"]],
    ["(?i)[^k]|s", ["\u212a", "S"], ["k", "K", "\u017f\u017f"]],
    ["\\Qa.b*\\E+", ["a.b*", "a.b**"], ["aab", "a.b"]],
    ["\\Q(", ["("], ["", "\\Q("]],
    ["\\\\Q", ["\\Q"], ["Q", ""]],
    ["[a-c-e]", ["b", "-", "e"], ["d"]],
    ["[-a]|[b-]", ["-", "a", "b"], ["c"]],
    ["[\\w-]+", ["a-b_9"], ["a.b"]],
    ["[^\\s]+", ["a.b"], ["a b", ""]],
    ["[\\S]", ["a"], [" "]],
    ["foo\\-bar\\.\\_", ["foo-bar._"], ["foo-barx_"]],
    ["a]}", ["a]}"], ["a"]],
    ["\\x41\\u0042\\x{43}\\t", ["ABC\t"], ["ABC"]],
    ["(?<year>\\d{4})-\\d{2,}", ["2024-12", "2024-123"], ["24-12"]],
    ["(?!__).*(?<!-old)", ["a"], ["__a", "a-old"]],
    ["a??b{0,1}?", ["", "a", "b", "ab"], ["abb"]],
    ["\\Aa\\b.*\\z", ["a", "a-b"], ["ab"]],
    ["", [""], ["a"]],
    ["a||b", ["a", "", "b"], ["c"]],
    ["[&^]", ["&", "^"], ["a"]],
    ["😀+", ["😀😀"], ["😀\ude00"]],
  ] as const
) {
  Deno.test(`${JSON.stringify(pattern)} matches what Java lets it match`, () => {
    const compiled = compileJavaPattern(pattern);
    for (const name of matching) assert.ok(compiled.test(name), name);
    for (const name of others) assert.ok(!compiled.test(name), name);
  });
}

Deno.test("no pattern does anything but compile or be refused", () => {
  const piece = fc.constantFrom(
    ..."ab.-*+?{}[]()|^$\\&,1<=!:i",
    ...["\\Q", "\\E", "(?i)", "(?:", "\\d", "[^", "{2,3}", "&&", "\\x{"],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      try {
        compileJavaPattern(pieces.join(""));
      } catch (error) {
        assert.ok(error instanceof PatternError, String(error));
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("a name that is quoted matches itself alone", () => {
  const name = fc.string({ unit: "binary", maxLength: 12 })
    .filter((text) => !text.includes("\\E"));
  fc.assert(fc.property(name, name, (one, other) => {
    const isOne = namePattern("topics", [`\\Q${one}\\E`]);
    assert.ok(isOne(one));
    assert.equal(isOne(other), one === other);
  }));
});

Deno.test("what throttles and protects one cluster, and what its clocks may do, is not copied by default", () => {
  const isCopied = configFilter();
  for (
    const name of [
      "follower.replication.throttled.replicas",
      "leader.replication.throttled.replicas",
      "message.timestamp.difference.max.ms",
      "log.message.timestamp.before.max.ms",
      "log.message.timestamp.after.max.ms",
      "message.timestamp.type",
      "unclean.leader.election.enable",
      "min.insync.replicas",
    ]
  ) assert.ok(!isCopied(name), name);
  // Left out by MirrorMaker 2, which knows them by their names for brokers only.
  assert.ok(isCopied("message.timestamp.before.max.ms"));
  assert.ok(!configFilter("a, b.*")("bc"));
  assert.ok(configFilter("a, b.*")("min.insync.replicas"));
});
