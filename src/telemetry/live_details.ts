/** The live view's single records: dead letters, samples, log lines. */
import { column, printable } from "./cells.ts";
import type { LiveModel } from "./live_model.ts";
import { INDENT, type Line, rule, type Section } from "./live_section.ts";
import type { LogLine } from "./log.ts";
import type { Span } from "./paint.ts";
import { sampleText } from "./sample_text.ts";

export function reasonSection({ reasons }: LiveModel, cells: number): Section {
  return {
    least: reasons.length === 0 ? 0 : 2,
    wanted: reasons.length === 0 ? 0 : 1 + Math.min(3, reasons.length),
    draw: (rows) => [
      rule("Last reasons of dead letters", cells),
      ...reasons.slice(0, rows - 1).map((reason): Line => [
        INDENT,
        [printable(reason), "yellow"],
      ]),
    ],
  };
}

const SAMPLE_ROWS = 2;

export function sampleSection({ samples }: LiveModel, cells: number): Section {
  const most = samples.length;
  return {
    least: most === 0 ? 0 : 1 + SAMPLE_ROWS,
    wanted: most === 0 ? 0 : 1 + most * SAMPLE_ROWS,
    draw: (rows) => [
      rule("Samples", cells),
      ...samples.slice(0, Math.floor((rows - 1) / SAMPLE_ROWS))
        .flatMap((sample): Line[] => {
          const { input, output, unchanged } = sampleText(sample);
          const result: Span[] = sample.reason === undefined
            ? [
              ["out ", "dim"],
              ...output,
              [unchanged > 0 ? `and ${unchanged} as before` : "", "dim"],
            ]
            : [["dead", "yellow"], " ", printable(sample.reason)];
          return [[INDENT, ["in  ", "dim"], ...input], [INDENT, ...result]];
        }),
    ],
  };
}

const MOST_LOG_LINES = 4;

export function logSection(log: readonly LogLine[], cells: number): Section {
  return {
    least: log.length === 0 ? 0 : 1 + Math.min(2, log.length),
    wanted: log.length === 0 ? 0 : 1 + Math.min(MOST_LOG_LINES, log.length),
    draw: (rows) => [
      rule("Log", cells),
      ...log.slice(-(rows - 1)).map(({ time, level, message, fields }) =>
        [
          INDENT,
          [time.slice(11, 19), "dim"],
          " ",
          [column(level, 6), level === "error" ? "red" : "yellow"],
          printable(message),
          [printable(fieldsText(fields)), "dim"],
        ] satisfies Line
      ),
    ],
  };
}

function fieldsText(fields: LogLine["fields"]): string {
  return Object.entries(fields).map(([name, value]) =>
    `  ${name} ${typeof value === "string" ? value : JSON.stringify(value)}`
  ).join("");
}
