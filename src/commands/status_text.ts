/** What `status` reports, for people. Pure. */
import {
  ABANDONED_MS,
  type DrState,
  isWorkedIn,
  type StampedVote,
} from "../../dr/state/mod.ts";

interface Unread {
  readonly error: string;
}

type Copy = { readonly state: DrState | null } | Unread;

export interface StatusReport {
  /** When this was asked, in ms since the epoch. */
  readonly atMs: number;
  /** The newest of both copies; null: none can be read. */
  readonly state: DrState | null;
  readonly copies: Readonly<Record<"primary" | "secondary", Copy>>;
  /** Ages are by this machine's clock, in ms. */
  readonly votes:
    | readonly (StampedVote & { readonly ageMs: number })[]
    | Unread;
  /** Oldest first. */
  readonly history: readonly DrState[] | Unread;
}

const STATE_HEADS = ["epoch", "active", "phase", "era", "lanes", "since"];

export function renderStatus(report: StatusReport): string {
  return [
    headline(report),
    "",
    table([
      ["copy on", ...STATE_HEADS, "reason"],
      ...(["primary", "secondary"] as const).map((
        name,
      ) => [name, ...copyCells(report.copies[name])]),
    ]),
    "",
    votesText(report.votes),
    "",
    historyText(report.history),
  ].join("\n");
}

function headline({ atMs, state }: StatusReport): string {
  if (state === null) {
    return "no state can be read: has a sentinel run on these clusters?";
  }
  const { active, phase, sinceMs } = state;
  if (phase === "steady") return `the ${active} is active`;
  const now = `the ${active} is active, and a switch is under way: ${phase}`;
  const isAbandoned = !isWorkedIn(phase) && atMs - sinceMs > ABANDONED_MS;
  return isAbandoned
    ? `${now}. Nobody has been at it for ${
      seconds(atMs - sinceMs)
    }: sentinels ` +
      "see to that, or run its command again, or give it up with --cancel"
    : now;
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

function copyCells(copy: Copy): readonly string[] {
  if ("error" in copy) return [`cannot be read: ${copy.error}`];
  return copy.state === null ? ["none"] : stateCells(copy.state);
}

const stateCells = (
  { active, epoch, era, lanes, phase, reason, sinceMs }: DrState,
): readonly string[] => [
  `${epoch}`,
  active,
  phase,
  `${era}`,
  lanes === null ? "-" : `${lanes}`,
  new Date(sinceMs).toISOString(),
  reason,
];

function votesText(votes: StatusReport["votes"]): string {
  if ("error" in votes) return `votes cannot be read: ${votes.error}`;
  if (votes.length === 0) return "no votes";
  return table([
    ["voter", "kind", "primary", "secondary", "epoch", "progress", "age"],
    ...votes.map((vote) => [
      vote.voter,
      vote.kind,
      vote.health.primary,
      vote.health.secondary,
      `${vote.epoch}`,
      vote.kind === "sentinel" ? "-" : vote.isProgressing ? "yes" : "no",
      `${(vote.ageMs / 1000).toFixed(1)} s`,
    ]),
  ]);
}

function historyText(history: StatusReport["history"]): string {
  if ("error" in history) return `the history cannot be read: ${history.error}`;
  if (history.length === 0) return "no history";
  return table([
    [...STATE_HEADS, "reason"],
    ...history.map(stateCells),
  ]);
}

/** A text of one cell that stands for the rest of its row widens no column. */
function table(rows: readonly (readonly string[])[]): string {
  const [heads = []] = rows;
  const whole = rows.filter(({ length }) => length === heads.length);
  const widths = heads.map((_, at) =>
    Math.max(
      ...whole.map((row) => row[at]!.length),
      ...(at === 0 ? rows.map((row) => row[0]!.length) : []),
    )
  );
  return rows.map((row) =>
    row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd()
  ).join("\n");
}
