/** What the end of a `deno test` process says of its tests. Pure. */

/** How a process ended. */
export type Ending =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signalled"; readonly signal: string }
  | { readonly kind: "late"; readonly deadlineMs: number }
  | { readonly kind: "interrupted"; readonly signal: string };

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

export interface Verdict extends Counts {
  /** Why the group counts as failed although no test of it says so. */
  readonly died?: string;
}

/**
 * Counts what was reported. A group without a report, or whose end contradicts
 * it, counts as one more failure, so that nothing that broke looks like passed.
 */
export function judge(ending: Ending, output: string): Verdict {
  const counts = closingCounts(output) ?? { passed: 0, failed: 0, ignored: 0 };
  const died = causeOfDeath(ending, counts);
  return died === undefined
    ? counts
    : { ...counts, failed: counts.failed + 1, died };
}

function causeOfDeath(ending: Ending, counts: Counts): string | undefined {
  switch (ending.kind) {
    case "exited":
      if (ending.code === 0) {
        const { passed, failed, ignored } = counts;
        return passed + failed + ignored === 0 ? "no test ran" : undefined;
      }
      // `deno test` itself ends with 1 when tests have failed.
      return ending.code === 1 && counts.failed > 0
        ? undefined
        : `exit status ${ending.code}`;
    case "signalled":
      return ending.signal;
    case "late":
      return `not ended within ${ending.deadlineMs / 1000} s`;
    case "interrupted":
      return `interrupted by ${ending.signal}`;
  }
}

const STEPS = String.raw`(?: \(\d+ steps?\))?`;
const CLOSING_LINE = new RegExp(
  String.raw`^(?:ok|FAILED) \| (\d+) passed${STEPS} \| (\d+) failed${STEPS}` +
    String.raw`(?: \| (\d+) ignored${STEPS})?`,
);

/** From the last line such as `ok | 3 passed | 0 failed | 1 ignored (12ms)`. */
export function closingCounts(output: string): Counts | undefined {
  const lines = withoutColor(output).split("\n");
  for (const line of lines.reverse()) {
    const match = CLOSING_LINE.exec(line);
    if (match === null) continue;
    const [, passed, failed, ignored = "0"] = match;
    return {
      passed: Number(passed),
      failed: Number(failed),
      ignored: Number(ignored),
    };
  }
}

// deno-lint-ignore no-control-regex
const withoutColor = (text: string) => text.replaceAll(/\x1b\[[\d;]*m/g, "");
