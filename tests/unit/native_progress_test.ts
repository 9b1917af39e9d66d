import assert from "node:assert/strict";
import {
  type BuildProgress,
  progressWriter,
} from "../../src/kafka/native/progress.ts";

const total = 200;
const compiling = Array.from({ length: total + 1 }, (_, compiled) => (
  { phase: "compiling", compiled, total } satisfies BuildProgress
));
const build: BuildProgress[] = [
  { phase: "configuring", version: "2.15.1" },
  ...compiling,
  { phase: "linking" },
  { phase: "built", path: "library", seconds: 25.4, without: [] },
];

function written(progress: BuildProgress[], isTerminal: boolean): string {
  let text = "";
  const write = progressWriter((more) => text += more, isTerminal);
  progress.forEach(write);
  return text;
}

Deno.test("without a terminal a build shows a few whole lines", () => {
  const text = written(build, false);
  assert.ok(!text.includes("\r") && !text.includes("\x1b"), text);
  const lines = text.split("\n");
  assert.equal(lines.pop(), "");
  assert.equal(lines.length, 8, text);
  assert.ok(lines.some((line) => line.includes("compiling, 50 %")), text);
  assert.match(lines.at(-1) ?? "", /built in 25 s/);
});

Deno.test("on a terminal a build rewrites one line", () => {
  const text = written(build, true);
  assert.equal(text.split("\n").length, 2, "one line end, at the end");
  const states = text.split("\r\x1b[K");
  assert.ok(states.includes("librdkafka: compiling, 37 %"), text);
  assert.equal(states.length - 1, 1 + 101 + 1 + 1, "one state a percent");
});

Deno.test("a failed build leaves a clean line for its error", () => {
  const text = written([...compiling, { phase: "failed" }], true);
  assert.ok(text.endsWith("\r\x1b[K"), text);
});

Deno.test("what a build had to leave out is told with the way to get it", () => {
  const without = [{
    component: "sasl",
    title: "Cyrus SASL headers",
    purpose: "Kerberos",
    need: "optional",
    state: "missing",
    detail: "",
  }] as const;
  const text = written(
    [{ phase: "built", path: "library", seconds: 1, without }],
    false,
  );
  assert.match(text, /without Cyrus SASL headers \(Kerberos; optional\)/);
  assert.match(text, /deno task native --force/);
});
