/** Programs that the bench starts and waits for. */

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly input?: string;
  /** Ends the program. */
  readonly signal?: AbortSignal;
}

/**
 * Returns what the program prints.
 * @throws {Error} with all of its output when it fails.
 * @throws the signal's reason.
 */
export async function run(
  command: readonly [string, ...string[]],
  { cwd, env, input, signal }: RunOptions = {},
): Promise<string> {
  const [program, ...args] = command;
  const child = new Deno.Command(program, {
    args,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(signal === undefined ? {} : { signal }),
  }).spawn();
  const output = child.output();
  if (input !== undefined) {
    await new Blob([input]).stream().pipeTo(child.stdin);
  }
  const { success, stdout, stderr } = await output;
  signal?.throwIfAborted();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  if (success) return text;
  const all = `${text}${decoder.decode(stderr)}`.trim();
  throw new Error(`${command.slice(0, 3).join(" ")} failed:\n${all}`);
}

/** To the person who waits; results go to stdout. */
export function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`bench: ${text}\n`));
}
