/** What an expression of PromQL asks for, by Prometheus' own grammar. */
import { parser } from "@prometheus-io/lezer-promql";

export interface Selector {
  readonly metric: string;
  /** Labels that it is narrowed by. */
  readonly labels: readonly string[];
}

export interface Query {
  readonly selectors: readonly Selector[];
  /** In `by`, `without`, `on`, `ignoring` and their like. */
  readonly grouping: readonly string[];
  /** That it makes itself, by `count_values`. */
  readonly made: readonly string[];
}

/** What Grafana puts in, as it could be. */
const VARIABLES: Readonly<Record<string, string>> = {
  $__rate_interval: "1m",
  $__interval: "1m",
  $__range: "1h",
};

/** @throws {SyntaxError} where it is no PromQL, or names no metric */
export function parsePromql(text: string): Query {
  const query = Object.entries(VARIABLES).reduce(
    (rest, [name, value]) => rest.replaceAll(name, value),
    text,
  );
  const selectors: { metric: string; labels: string[] }[] = [];
  const grouping: string[] = [];
  const made: string[] = [];
  let isInSelector = false;
  let isCountValues = false;
  parser.parse(query).iterate({
    enter({ name, from, to, type }) {
      const said = query.slice(from, to);
      if (type.isError) {
        throw new SyntaxError(`not PromQL at ${from}: ${query}`);
      }
      switch (name) {
        case "VectorSelector":
          isInSelector = true;
          selectors.push({ metric: "", labels: [] });
          break;
        case "Identifier":
          if (isInSelector) selectors.at(-1)!.metric = said;
          break;
        case "LabelName":
          if (isInSelector) selectors.at(-1)!.labels.push(said);
          else grouping.push(said);
          break;
        case "CountValues":
          isCountValues = true;
          break;
        case "StringLiteral":
          if (isCountValues) made.push(JSON.parse(said));
          isCountValues = false;
          break;
      }
    },
    leave({ name }) {
      if (name === "VectorSelector") isInSelector = false;
    },
  });
  if (selectors.some(({ metric }) => metric === "")) {
    throw new SyntaxError(`a selector without a metric: ${query}`);
  }
  return { selectors, grouping, made };
}
