export interface JavaVersion {
  /** 17 for "17.0.15", 8 for "1.8.0_392". */
  readonly major: number;
  /** All that `java -version` prints. */
  readonly text: string;
}

let known: { readonly version: JavaVersion | undefined } | undefined;

/** The `java` of the search path; nothing when there is none that runs. */
export function javaVersion(): JavaVersion | undefined {
  return (known ??= { version: ask() }).version;
}

function ask(): JavaVersion | undefined {
  try {
    const { success, stderr } = new Deno.Command("java", {
      args: ["-version"],
      stdin: "null",
    }).outputSync();
    const text = new TextDecoder().decode(stderr);
    // macOS has a `java` that only says where to get one: it fails.
    const match = success && /version "(?:1\.)?(\d+)/.exec(text);
    return match ? { major: Number(match[1]), text } : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
