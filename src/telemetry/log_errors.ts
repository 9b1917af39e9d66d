/**
 * What is said of errors without what they quote: parsers and schemas put
 * pieces of the record that they refuse into their messages, and no record
 * belongs into the log.
 */

/** Of V8's `JSON.parse`, with up to ten characters on either side. */
const QUOTED =
  /(?:Unexpected token [\s\S]{1,8}, )?(?:\.\.\.)?"[\s\S]*"(?:\.\.\.)? is not valid JSON/g;

export const withoutQuotes = (text: string): string =>
  text.includes("is not valid JSON")
    ? text.replace(QUOTED, "the text is not valid JSON")
    : text;

/** An error whose message is for the dead letter only. */
export interface Discreet {
  /** What may be said of it elsewhere. */
  readonly publicMessage: string;
}

/** The message as it may be logged and shown in `/status`. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return withoutQuotes(String(error));
  if (isDiscreet(error)) return error.publicMessage;
  const codes = issueCodes(error);
  if (codes !== null) return `the schema refuses it: ${codes.join(", ")}`;
  return withoutQuotes(error.message);
}

/** The stack below a message as it may be logged. */
export function stackOf(error: Error): string | undefined {
  const { message, name, stack } = error;
  if (stack === undefined) return undefined;
  const text = errorText(error);
  if (text === message) return stack;
  // V8 writes the message as it was when the error was made.
  const frames = stack.search(/\n\s+at /);
  return `${name}: ${text}${frames < 0 ? "" : stack.slice(frames)}`;
}

const isDiscreet = (error: Error): error is Error & Discreet =>
  "publicMessage" in error && typeof error.publicMessage === "string";

/** Of zod's errors, whose issues name keys of the record; null: it is none. */
function issueCodes(error: Error): readonly string[] | null {
  if (!("issues" in error) || !Array.isArray(error.issues)) return null;
  const codes = error.issues.map((issue: { readonly code?: unknown } | null) =>
    String(issue?.code ?? "custom")
  );
  return [...new Set(codes)];
}
