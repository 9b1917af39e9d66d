/** Draws the live view as lines of text; knows neither clock nor terminal. */
import type { PoolPhase } from "../pool/status.ts";
import { printable } from "./cells.ts";
import { duration } from "./figures.ts";
import { logSection, reasonSection, sampleSection } from "./live_details.ts";
import { flowLines } from "./live_flows.ts";
import type { LiveModel } from "./live_model.ts";
import { INDENT, type Line, type Section } from "./live_section.ts";
import { workerSection } from "./live_workers.ts";
import { paint, spread, type Style } from "./paint.ts";

export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

const WIDEST = 160;

/**
 * At most `rows - 1` lines of at most `columns - 1` cells, so that the terminal
 * neither scrolls nor wraps.
 */
export function renderLiveView(model: LiveModel, size: FrameSize): string[] {
  const cells = Math.max(1, Math.min(size.columns, WIDEST) - 1);
  const rows = Math.max(1, size.rows - 1);
  const hint = hintOf(model.phase);
  const bottom: Line[] = hint === null ? [] : [[], [INDENT, [hint, "dim"]]];
  const top = [...titleLines(model, cells), ...flowLines(model, cells)];
  const sections = arrange(
    [
      workerSection(model, cells),
      reasonSection(model, cells),
      sampleSection(model, cells),
      logSection(model.log, cells),
    ],
    rows - top.length - bottom.length,
  );
  return [...top, ...sections, ...bottom].slice(0, rows)
    .map((line) => paint(line, cells, size.color));
}

/** First what each needs at the least, in order, then more, in order. */
function arrange(sections: readonly Section[], rows: number): Line[] {
  let left = rows;
  const granted = sections.map(({ least, wanted }) => {
    const grant = least <= left ? Math.min(least, wanted) : 0;
    left -= grant;
    return grant;
  });
  return sections.flatMap(({ wanted, draw }, index) => {
    const least = granted[index]!;
    if (least === 0) return [];
    const more = Math.min(left, wanted - least);
    left -= more;
    return draw(least + more);
  });
}

function titleLines(model: LiveModel, cells: number): Line[] {
  const { title, phase, failure, elapsedMs } = model;
  const inner = cells - INDENT.length;
  const topics = `${printable(title.inputTopic)} → ` +
    printable(title.outputTopic);
  const lines: Line[] = [
    spread(
      [INDENT, ["Switchyard", "bold"], "  ", printable(title.processor)],
      [["● ", PHASE_STYLE[phase]], `${phase}  ${duration(elapsedMs)}`],
      inner,
    ),
    spread([INDENT, topics], [[printable(title.cluster), "dim"]], inner),
  ];
  if (failure === null) return [...lines, []];
  return [...lines, [INDENT, [printable(failure), "red"]]];
}

const PHASE_STYLE: Readonly<Record<PoolPhase, Style>> = {
  starting: "yellow",
  running: "green",
  draining: "yellow",
  switching: "yellow",
  stopped: "dim",
  failing: "red",
};

function hintOf(phase: PoolPhase): string | null {
  switch (phase) {
    case "starting":
    case "running":
    case "switching":
      return "Ctrl-C to stop";
    case "draining":
      return "finishing what was fetched; Ctrl-C again to end at once";
    case "failing":
      return "finishing what was fetched, then the process ends";
    case "stopped":
      return null;
  }
}
