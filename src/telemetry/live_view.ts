/**
 * The live view on a terminal: redrawn in place, without the alternate screen,
 * so that the last frame stays and scrolling back shows what was before.
 */
import type { PoolStatus } from "../pool/status.ts";
import { cellsOf } from "./cells.ts";
import { renderLiveView } from "./live_frame.ts";
import { LiveHistory, type LiveTitle } from "./live_model.ts";
import type { LogLine } from "./log.ts";

/** Where the view is drawn. */
export interface Terminal {
  size(): { readonly columns: number; readonly rows: number };
  write(text: string): Promise<void>;
  /** For the end of the process, when nothing can be awaited any more. */
  writeNow(text: string): void;
}

export interface LiveViewOptions {
  readonly title: LiveTitle;
  readonly status: () => PoolStatus;
  readonly terminal: Terminal;
  readonly color: boolean;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

const REDRAW_MS = 200;
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
/** The ways in which the process can end without disposing the view. */
const ENDS = ["unload", "error", "unhandledrejection"] as const;

export class LiveView implements AsyncDisposable {
  readonly #options: LiveViewOptions;
  readonly #now: () => number;
  readonly #history: LiveHistory;
  readonly #timer: ReturnType<typeof setInterval>;
  #drawing: Promise<void> | null = null;
  #terminalIsGone = false;
  #shown: readonly string[] = [];
  #disposed = false;

  /** Draws at once, then five times a second. */
  constructor(options: LiveViewOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#history = new LiveHistory(options.title, this.#now());
    this.#redraw();
    this.#timer = setInterval(() => this.#redraw(), REDRAW_MS);
    for (const end of ENDS) addEventListener(end, this.#restoreCursor);
  }

  /** Shows a line in the view, if it is a warning or an error. */
  readonly log = (line: LogLine): void => this.#history.log(line);

  #redraw(): void {
    // A terminal that is slow or stopped (Ctrl-S) must not hold up the pool:
    // frames are left out until it has taken the last one.
    if (this.#drawing !== null || this.#terminalIsGone) return;
    this.#drawing = this.#write(this.#frame());
  }

  #frame(): string {
    const { status, terminal, color } = this.#options;
    const model = this.#history.observe(status(), this.#now());
    const size = terminal.size();
    const lines = renderLiveView(model, { ...size, color });
    const start = toFirstLine(this.#shown, size.columns);
    this.#shown = lines.map(withoutStyle);
    return HIDE_CURSOR + start +
      lines.map((line) => `${line}\x1b[K`).join("\r\n") + "\x1b[J";
  }

  async #write(text: string): Promise<void> {
    try {
      await this.#options.terminal.write(text);
    } catch {
      // Nobody watches any more; that is no reason to end the job.
      this.#terminalIsGone = true;
    } finally {
      this.#drawing = null;
    }
  }

  /** Draws the last frame, leaves it there and gives the cursor back. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    clearInterval(this.#timer);
    try {
      await this.#drawing;
      this.#redraw();
      await this.#drawing;
    } finally {
      await this.#write(`\r\n${SHOW_CURSOR}`);
      for (const end of ENDS) removeEventListener(end, this.#restoreCursor);
    }
  }

  readonly #restoreCursor = (): void => {
    this.#options.terminal.writeNow(`\r\n${SHOW_CURSOR}`);
  };
}

// deno-lint-ignore no-control-regex
const withoutStyle = (line: string) => line.replaceAll(/\x1b\[\d+m/g, "");

/** From the end of the last frame to its beginning. */
function toFirstLine(shown: readonly string[], columns: number): string {
  // A terminal that became narrower has wrapped the lines that were too long.
  const rows = shown.reduce(
    (sum, line) => sum + Math.max(1, Math.ceil(cellsOf(line) / columns)),
    0,
  );
  return rows > 1 ? `\r\x1b[${rows - 1}A` : "\r";
}

/** Whether standard output is a terminal that can be drawn on. */
export function canShowLiveView(): boolean {
  return Deno.stdout.isTerminal() && Deno.env.get("TERM") !== "dumb";
}

/** See https://no-color.org */
export function wantsColor(): boolean {
  return (Deno.env.get("NO_COLOR") ?? "") === "";
}

export function standardTerminal(): Terminal {
  const encoder = new TextEncoder();
  return {
    size: () => {
      const { columns, rows } = Deno.consoleSize();
      // Some pseudo-terminals do not know their size and say 0.
      return { columns: columns || 80, rows: rows || 24 };
    },
    write: async (text) => {
      let bytes = encoder.encode(text);
      while (bytes.length > 0) {
        bytes = bytes.subarray(await Deno.stdout.write(bytes));
      }
    },
    writeNow: (text) => {
      Deno.stdout.writeSync(encoder.encode(text));
    },
  };
}
