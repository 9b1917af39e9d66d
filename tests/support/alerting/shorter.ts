/**
 * `deploy/prometheus` for tests that cannot wait: the same files with all
 * durations divided. Figures that are compared, such as seconds of lag, stay.
 */
import { parser } from "@prometheus-io/lezer-promql";

const UNITS_MS = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};
const DURATION = /^(?:\d+(?:ms|[smhdwy]))+$/;

/** `1h30m` by 30 is `180000ms`. @throws {SyntaxError} */
export function shorter(duration: string, divisor: number): string {
  if (!DURATION.test(duration)) {
    throw new SyntaxError(`not a duration: ${duration}`);
  }
  const totalMs = [...duration.matchAll(/(\d+)(ms|[smhdwy])/g)]
    .map(([, count, unit]) =>
      Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS]
    )
    .reduce((sum, each) => sum + each, 0);
  return `${Math.ceil(totalMs / divisor)}ms`;
}

/** An expression with shorter ranges. */
export function withShorterRanges(query: string, divisor: number): string {
  let result = "";
  let at = 0;
  parser.parse(query).iterate({
    enter({ name, from, to }) {
      if (name !== "NumberDurationLiteralInDurationContext") return;
      result += query.slice(at, from) + shorter(query.slice(from, to), divisor);
      at = to;
    },
  });
  return result + query.slice(at);
}

/**
 * A settings file as it was parsed, with all its durations shorter: the values
 * of `for`, and of names that end like `_interval` or `_wait`.
 */
export function withShorterTimes(value: unknown, divisor: number): unknown {
  if (Array.isArray(value)) {
    return value.map((each) => withShorterTimes(each, divisor));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      typeof each !== "string"
        ? withShorterTimes(each, divisor)
        : name === "expr"
        ? withShorterRanges(each, divisor)
        : name === "for" || /_(?:interval|wait|timeout)$/.test(name)
        ? shorter(each, divisor)
        : each,
    ]),
  );
}
