/** The live view's rates and totals. */
import { column } from "./cells.ts";
import { count, share, sparkline } from "./figures.ts";
import type { Flow, LiveModel } from "./live_model.ts";
import { INDENT, type Line } from "./live_section.ts";
import type { Span } from "./paint.ts";

const NAME_CELLS = 13;
const RATE_CELLS = 12;
const TOTAL_CELLS = 15;
const MOST_GRAPH_CELLS = 60;
const SHARE_CELLS = 12;

/** One flow below the other; columns go where it is narrow. */
export function flowLines(model: LiveModel, cells: number): Line[] {
  const { flows, lag, lagHistory } = model;
  const withTotals = cells >= INDENT.length + NAME_CELLS + RATE_CELLS +
      TOTAL_CELLS;
  const withAverages = cells >= INDENT.length + NAME_CELLS + 2 * RATE_CELLS +
      TOTAL_CELLS;
  const row = (name: string, figures: readonly string[], last?: Span): Line => {
    const [now = "", average = "", total = ""] = figures;
    return [
      INDENT,
      [column(name, NAME_CELLS), "dim"],
      [column(now, RATE_CELLS, "right"), "bold"],
      withAverages ? column(average, RATE_CELLS, "right") : "",
      withTotals ? column(total, TOTAL_CELLS, "right") : "",
      last ?? "",
    ];
  };
  const flow = (name: string, each: Flow, last: Span) => {
    const { perSecond, averagePerSecond, total } = each;
    return row(name, [perSecond, averagePerSecond, total].map(count), last);
  };
  const beside = (
    text: string,
  ): Span => [text === "" ? "" : `   ${text}`, "dim"];
  const left = cells - INDENT.length - NAME_CELLS - 2 * RATE_CELLS -
    TOTAL_CELLS - 3;
  const graph = (values: readonly number[]) =>
    beside(sparkline(values, Math.min(MOST_GRAPH_CELLS, left)));
  const { alreadyDone, consumed, produced, deadLettered, retried, skipped } =
    flows;
  const part = ({ total }: Flow) =>
    beside(left < SHARE_CELLS ? "" : `${share(total, consumed.total)} of in`);
  const unread = lag === null ? "unknown" : count(lag);
  return [
    row("", ["now/s", "average/s", "total"]).map((span) => dimmed(span)),
    flow("in", consumed, graph(consumed.history)),
    flow("out", produced, graph(produced.history)),
    flow("dead letters", deadLettered, part(deadLettered)),
    ...(retried.total > 0
      ? [flow("tried later", retried, graph(retried.history))]
      : []),
    ...(alreadyDone.total > 0
      ? [flow("already done", alreadyDone, graph(alreadyDone.history))]
      : []),
    ...(skipped.total > 0 ? [flow("skipped", skipped, part(skipped))] : []),
    row("lag", withTotals ? ["", "", unread] : [unread], graph(lagHistory)),
  ];
}

const dimmed = (span: Span): Span => [
  typeof span === "string" ? span : span[0],
  "dim",
];
