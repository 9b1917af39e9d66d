/** Text in fetched records. */
import type { Arena } from "./fetch_memory.ts";

/** Thrown where bytes that are read as text are not UTF-8. */
export class EncodingError extends TypeError {
  override readonly name = "EncodingError";
}

const decoder = new TextDecoder("utf-8");
const strictDecoder = new TextDecoder("utf-8", { fatal: true });
const NOT_ASCII = 0x80808080;

/** Whether each byte from `start` to `end` is below 0x80. */
export function isAscii(
  { bytes, words }: Arena,
  start: number,
  end: number,
): boolean {
  const firstWord = (start + 3) >>> 2;
  const endWord = end >>> 2;
  let seen = 0;
  for (let word = firstWord; word < endWord; word++) seen |= words[word]!;
  const headEnd = Math.min(firstWord * 4, end);
  for (let at = start; at < headEnd; at++) seen |= bytes[at]!;
  const tailStart = Math.max(endWord * 4, headEnd);
  for (let at = tailStart; at < end; at++) seen |= bytes[at]!;
  return (seen & NOT_ASCII) === 0;
}

/** @throws {EncodingError} naming `what` */
export function decode(bytes: Uint8Array | null, what: string): string | null {
  if (bytes === null) return null;
  const text = decoder.decode(bytes);
  // Decoding strictly costs four times as much, so it is done only where the
  // replacement character shows that there may be something wrong.
  if (text.includes("\uFFFD")) {
    try {
      return strictDecoder.decode(bytes);
    } catch {
      throw new EncodingError(`${what} is not valid UTF-8`);
    }
  }
  return text;
}
