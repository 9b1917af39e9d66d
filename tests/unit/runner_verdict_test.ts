import assert from "node:assert/strict";
import { closingCounts, judge } from "../runner/verdict.ts";

const exited = (code: number) => ({ kind: "exited", code } as const);

Deno.test("counts are those of the closing line, with steps, colors and ignored tests", () => {
  const counted = (output: string) => {
    const { passed, failed, ignored } = closingCounts(output)!;
    return [passed, failed, ignored];
  };
  assert.deepEqual(counted("ok | 3 passed | 0 failed (12ms)\n"), [3, 0, 0]);
  assert.deepEqual(
    counted("FAILED | 3 passed (2 steps) | 1 failed (1 step) | 4 ignored (1s)"),
    [3, 1, 4],
  );
  assert.deepEqual(
    counted("\x1b[0m\x1b[32mok\x1b[0m | 7 passed | 0 failed \x1b[0m(20ms)"),
    [7, 0, 0],
  );
  assert.deepEqual(
    counted("ok | 0 passed | 0 failed | 2 ignored | 1 filtered out (3ms)"),
    [0, 0, 2],
  );
});

Deno.test("a closing line inside the output does not count, only the last one", () => {
  const inner = "FAILED | 1 passed | 5 failed (1ms)\n";
  const output = `${inner}\nok | 2 passed | 0 failed (9ms)\n\n`;
  assert.deepEqual(judge(exited(0), output), {
    passed: 2,
    failed: 0,
    ignored: 0,
  });
});

Deno.test("failed tests are counted as they were reported", () => {
  const output = "FAILED | 4 passed | 2 failed (9ms)\nerror: Test failed\n";
  assert.deepEqual(judge(exited(1), output), {
    passed: 4,
    failed: 2,
    ignored: 0,
  });
});

Deno.test("a process that ends without a report counts as one failure", () => {
  const started = "running 4 tests from ./x_test.ts\none ... ok (2ms)\n";
  for (
    const [ending, cause] of [
      [exited(134), "exit status 134"],
      [exited(1), "exit status 1"],
      [exited(0), "no test ran"],
      [{ kind: "signalled", signal: "SIGSEGV" }, "SIGSEGV"],
      [{ kind: "late", deadlineMs: 5000 }, "not ended within 5 s"],
      [{ kind: "interrupted", signal: "SIGINT" }, "interrupted by SIGINT"],
    ] as const
  ) {
    assert.deepEqual(judge(ending, started), {
      passed: 0,
      failed: 1,
      ignored: 0,
      died: cause,
    });
  }
});

Deno.test("a process that dies after a good report has one failure more", () => {
  const output = "ok | 4 passed | 0 failed (9ms)\n";
  for (const ending of [exited(134), exited(1)]) {
    const { passed, failed, died } = judge(ending, output);
    assert.deepEqual([passed, failed], [4, 1]);
    assert.ok(died);
  }
});

Deno.test("a group in which no test ran counts as failed", () => {
  const { failed, died } = judge(exited(0), "ok | 0 passed | 0 failed (1ms)");
  assert.equal(failed, 1);
  assert.equal(died, "no test ran");
});

Deno.test("tests that were not run are neither passed nor failed", () => {
  const output = "ok | 0 passed | 0 failed | 3 ignored (1ms)";
  assert.deepEqual(judge(exited(0), output), {
    passed: 0,
    failed: 0,
    ignored: 3,
  });
});
