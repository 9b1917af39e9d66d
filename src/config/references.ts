import { nearestName } from "./nearest.ts";

/** Where references are read from. */
export interface ReferenceSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Throws when the file cannot be read. */
  readonly readTextFile: (path: string) => string;
}

export type Expanded =
  | { readonly state: "literal" }
  | {
    readonly state: "expanded";
    readonly text: string;
    readonly reference: string;
  }
  | { readonly state: "failed"; readonly problem: string };

const kinds = ["env", "file"];

/**
 * Replaces `${env:NAME}` and `${file:/path}` anywhere in a text. What comes
 * out is not expanded again, so a secret may contain anything; one line end at
 * the end of a file is dropped, because editors and `echo` add it.
 */
export function expand(text: string, sources: ReferenceSources): Expanded {
  const references: string[] = [];
  const problems: string[] = [];
  const expanded = text.replaceAll(
    /\$\{([a-zA-Z]+):([^}\p{Cc}]*)\}/gu,
    (whole, kind: string, name: string) => {
      if (!kinds.includes(kind)) {
        // `${a:-b}` of a shell command is none of ours, `${fiel:/x}` is.
        const meant = nearestName(kind, kinds);
        if (meant !== undefined) {
          problems.push(`refers to ${whole}; did you mean "\${${meant}:...}"?`);
        }
        return whole;
      }
      references.push(`${kind}:${name}`);
      const value = kind === "env"
        ? sources.env[name] ?? ""
        : readFile(name, sources, problems);
      if (value === "") {
        problems.push(
          kind === "env"
            ? `refers to environment variable ${name}, which is not set`
            : `refers to file ${name}, which is empty`,
        );
      }
      return value ?? "";
    },
  );
  const problem = problems[0];
  if (problem !== undefined) return { state: "failed", problem };
  if (references.length === 0) return { state: "literal" };
  return {
    state: "expanded",
    text: expanded,
    reference: references.join(", "),
  };
}

function readFile(
  path: string,
  { readTextFile }: ReferenceSources,
  problems: string[],
): string | undefined {
  try {
    return readTextFile(path).replace(/\r?\n$/, "");
  } catch (error) {
    problems.push(`refers to file ${path}, ${unreadable(error)}`);
    return undefined;
  }
}

/** Follows the name of a file: why it cannot be read. */
export function unreadable(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "which does not exist";
  const reason = error instanceof Error ? error.message : String(error);
  return `which cannot be read: ${reason.replaceAll(/\s+/g, " ")}`;
}
