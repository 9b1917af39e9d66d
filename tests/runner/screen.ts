/** What the runner prints: one line for each group, and failures in full. */
import type { Verdict } from "./verdict.ts";

const NAME_COLUMNS = 36;
const COUNTS_COLUMNS = 36;
/** Of a group that died: its end says why, its beginning says nothing. */
const TAIL_LINES = 80;

/** `name ... ok (3ms)`: of no use among what failed. */
// deno-lint-ignore no-control-regex
const PASSED_LINE = / \.\.\. (\x1b\[[\d;]*m)*ok\b/;

const encoder = new TextEncoder();

export class Screen {
  readonly #isTerminal = Deno.stdout.isTerminal();
  readonly #running = new Set<string>();

  line(text: string): void {
    this.#write(`${text}\n`);
  }

  /** Shows on a terminal what runs now, until `group` tells of it. */
  running(name: string): void {
    this.#running.add(name);
    this.#showRunning();
  }

  group(name: string, verdict: Verdict, elapsedMs: number): void {
    this.#running.delete(name);
    this.#clear();
    const seconds = (elapsedMs / 1000).toFixed(1).padStart(6);
    const text = describe(verdict).padEnd(COUNTS_COLUMNS);
    this.line(`${name.padEnd(NAME_COLUMNS)} ${text} ${seconds} s`);
    this.#showRunning();
  }

  /** What a group that failed wrote, or the end of it where it died. */
  failure(name: string, verdict: Verdict, output: string, log: string): void {
    const lines = output.trimEnd().split("\n")
      .filter((line) => !PASSED_LINE.test(line));
    this.#clear();
    const isCut = verdict.died !== undefined && lines.length > TAIL_LINES;
    this.line(`--- ${name}: all output is in ${log}`);
    for (const line of isCut ? lines.slice(-TAIL_LINES) : lines) {
      this.line(line);
    }
    // Colors that a cut has left open must not stain what follows.
    this.line(`${this.#isTerminal ? "\x1b[0m" : ""}--- end of ${name}`);
    this.#showRunning();
  }

  #showRunning(): void {
    if (!this.#isTerminal || this.#running.size === 0) return;
    this.#clear();
    this.#write(`${[...this.#running].join(", ")} ...`);
  }

  #clear(): void {
    if (this.#isTerminal) this.#write("\r\x1b[K");
  }

  #write(text: string): void {
    this.bytes(encoder.encode(text));
  }

  bytes(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      at += Deno.stdout.writeSync(bytes.subarray(at));
    }
  }
}

function describe({ passed, failed, ignored, died }: Verdict): string {
  if (passed + failed + ignored === 0) return "ok"; // of what has no tests
  return [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(ignored > 0 ? [`${ignored} not run`] : []),
    ...(died === undefined ? [] : [died]),
  ].join(", ");
}
