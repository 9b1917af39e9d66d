/** The live view's table of workers. */
import type { WorkerState } from "../pool/status.ts";
import { column, printable } from "./cells.ts";
import { bar, count, megabytes, partitionRanges } from "./figures.ts";
import type { LiveModel, LiveWorker } from "./live_model.ts";
import { INDENT, type Line, rule, type Section } from "./live_section.ts";
import type { Span, Style } from "./paint.ts";

interface WorkerColumn {
  readonly head: string;
  readonly cells: number;
  readonly align: "left" | "right";
  /** Shown where the frame has at least so many cells. */
  readonly from: number;
  readonly show: (
    worker: LiveWorker,
  ) => readonly [string, (Style | undefined)?];
}

function workerColumns({ workers, title }: LiveModel): WorkerColumn[] {
  const busiest = Math.max(...workers.map(({ perSecond }) => perSecond), 1);
  return [
    {
      head: "worker",
      cells: 8,
      align: "left",
      from: 0,
      show: ({ status }) => [`${status.id}`],
    },
    {
      head: "state",
      cells: 10,
      align: "left",
      from: 0,
      show: ({ status }) => [status.state, STATE_STYLE[status.state]],
    },
    {
      head: "rate/s",
      cells: 10,
      align: "right",
      from: 0,
      show: ({ perSecond }) => [count(perSecond)],
    },
    {
      head: "",
      cells: 10,
      align: "right",
      from: 70,
      show: ({ perSecond }) => [bar(perSecond, busiest, 8)],
    },
    {
      head: "pending",
      cells: 10,
      align: "right",
      from: 50,
      show: ({ status }) => [count(status.pendingRecords)],
    },
    {
      head: "heap",
      cells: 10,
      align: "right",
      from: 58,
      show: ({ status: { heapBytes } }) => [
        megabytes(heapBytes),
        heapStyle(heapBytes, title.heapLimitBytes),
      ],
    },
  ];
}

export function workerSection(model: LiveModel, cells: number): Section {
  const { workers } = model;
  const columns = workerColumns(model).filter(({ from }) => cells >= from);
  const left = cells - INDENT.length - 2 -
    columns.reduce((sum, each) => sum + each.cells, 0);
  const head = columns.map((each) => column(each.head, each.cells, each.align));
  const lineOf = (worker: LiveWorker): Line => [
    INDENT,
    ...columns.map(({ cells, align, show }): Span => {
      const [text, style] = show(worker);
      return [column(text, cells, align), style];
    }),
    `  ${partitionText(worker.status.partitions, left)}`,
  ];
  return {
    least: 3,
    wanted: 2 + Math.max(1, workers.length),
    draw: (rows) => {
      const room = rows - 2;
      const shown = workers.length <= room
        ? workers
        : mostTelling(workers, room - 1);
      return [
        rule("Workers", cells),
        [INDENT, [`${head.join("")}  partitions`, "dim"]],
        ...shown.map(lineOf),
        ...(shown.length < workers.length || workers.length === 0
          ? [summaryOf(workers, shown.length)]
          : []),
      ];
    },
  };
}

const STATE_STYLE: Readonly<Record<WorkerState, Style>> = {
  starting: "yellow",
  running: "green",
  retiring: "yellow",
  restarting: "yellow",
  hung: "red",
};

/** Near its limit a worker is soon replaced, which is worth a look. */
function heapStyle(bytes: number, limit: number): Style | undefined {
  if (bytes >= limit) return "red";
  return bytes >= 0.8 * limit ? "yellow" : undefined;
}

function partitionText(
  partitions: LiveWorker["status"]["partitions"],
  cells: number,
): string {
  const ranges = printable(partitionRanges(partitions));
  if (ranges.length <= cells) return ranges;
  return `${partitions.length}: ${ranges}`;
}

/** Those in trouble, then the first ones; in order of their ids. */
function mostTelling(
  workers: readonly LiveWorker[],
  room: number,
): readonly LiveWorker[] {
  const isWell = ({ status }: LiveWorker) => status.state === "running";
  return [
    ...workers.filter((each) => !isWell(each)),
    ...workers.filter(isWell),
  ].slice(0, room).toSorted((one, other) => one.status.id - other.status.id);
}

function summaryOf(workers: readonly LiveWorker[], shown: number): Line {
  const states = Map.groupBy(workers, ({ status }) => status.state);
  const text = [...states].map(([state, each]) => `${each.length} ${state}`)
    .join(", ");
  const more = workers.length - shown;
  return [INDENT, [
    shown > 0 ? `and ${more} more; of all: ${text}` : text || "none yet",
    "dim",
  ]];
}
