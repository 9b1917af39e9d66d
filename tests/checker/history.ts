/**
 * What a generator did, as lines of JSON in a file:
 *
 *     {"op":"send","id":7,"key":"k","partition":2}   will be sent now
 *     {"op":"ack","id":7,"partition":2,"offset":41}  Kafka has acknowledged it
 *     {"op":"fail","id":7}     surely not written: its transaction was aborted,
 *                              or the broker refused it
 *
 * A send with no other line has an unknown end: it may be in the topic or not.
 * The intent must be on file before the send begins; the file then survives a
 * generator that is killed.
 */
import type { Id } from "./report.ts";

export type HistoryOperation =
  | {
    readonly op: "send";
    readonly id: Id;
    readonly key?: string | null;
    /** Absent where Kafka's client chooses. */
    readonly partition?: number;
  }
  | {
    readonly op: "ack";
    readonly id: Id;
    readonly partition: number;
    readonly offset: number;
  }
  | { readonly op: "fail"; readonly id: Id };

const NEWLINE = "\n".charCodeAt(0);
const encoder = new TextEncoder();

/** Appends to a file. What `write` has returned from outlives the process. */
export class HistoryWriter implements Disposable {
  /** Goes on behind the last whole line of a file that is there. */
  static open(path: string): HistoryWriter {
    const file = Deno.openSync(path, {
      create: true,
      read: true,
      write: true,
    });
    cutTornLine(file);
    return new HistoryWriter(file);
  }

  readonly #file: Deno.FsFile;
  #isOpen = true;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** One call to the system however many there are. */
  write(operations: Iterable<HistoryOperation>): void {
    let lines = "";
    for (const each of operations) lines += `${JSON.stringify(each)}\n`;
    const bytes = encoder.encode(lines);
    for (let at = 0; at < bytes.length;) {
      at += this.#file.writeSync(bytes.subarray(at));
    }
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

/**
 * Visits all operations in their order, in flat memory. A line without an end,
 * which a killed generator leaves, is passed over.
 *
 * @throws {SyntaxError} naming the line that is none of ours.
 */
export async function readHistory(
  path: string,
  visit: (operation: HistoryOperation) => void,
): Promise<void> {
  using file = await Deno.open(path);
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(1 << 18);
  let rest = "";
  let number = 0;
  for (;;) {
    const count = await file.read(chunk);
    if (count === null) return;
    const text = decoder.decode(chunk.subarray(0, count), { stream: true });
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) visit(operationOf(line, ++number, path));
  }
}

function operationOf(
  line: string,
  number: number,
  path: string,
): HistoryOperation {
  let operation: Partial<Record<string, unknown>> | null = null;
  try {
    operation = JSON.parse(line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const { op, id, partition, offset } = operation ?? {};
  const isId = typeof id === "string" || isNumber(id);
  const isKnown = op === "send" || op === "fail" ||
    op === "ack" && isNumber(partition) && isNumber(offset);
  if (!isId || !isKnown) {
    throw new SyntaxError(`${path}:${number} is no operation: ${line}`);
  }
  return operation as HistoryOperation;
}

const isNumber = (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) >= 0;

function cutTornLine(file: Deno.FsFile): void {
  const { size } = file.statSync();
  const block = new Uint8Array(1 << 12);
  let end = size;
  while (end > 0) {
    const from = Math.max(0, end - block.length);
    file.seekSync(from, Deno.SeekMode.Start);
    const count = file.readSync(block.subarray(0, end - from)) ?? 0;
    const at = block.subarray(0, count).lastIndexOf(NEWLINE);
    if (at >= 0) {
      end = from + at + 1;
      break;
    }
    end = from;
  }
  if (end < size) file.truncateSync(end);
  file.seekSync(end, Deno.SeekMode.Start);
}
