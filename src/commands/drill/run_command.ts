/** A command of ours to its end, as an operator runs it. */
import { DrillError } from "../../../dr/drill/mod.ts";
import { roleCommand, signalled } from "./role.ts";

export interface CommandOptions {
  readonly args: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** All that it has said, when it has ended. */
  readonly onLine: (line: string) => void;
}

/**
 * @returns what it has printed.
 * @throws {DrillError} with what it said, where it failed; the signal's reason,
 * once nothing is left of it.
 */
export async function runCommand(
  { args, env, onLine }: CommandOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  signal.throwIfAborted();
  const process = roleCommand(args, env, { stdout: "piped" }).spawn();
  // Its topics go with the drill, so there is nothing for it to put right.
  const kill = () => signalled(process, "SIGKILL");
  signal.addEventListener("abort", kill);
  try {
    const { code, stderr, stdout } = await process.output();
    const [said, printed] = [linesOf(stderr), linesOf(stdout)];
    [...said, ...printed].forEach(onLine);
    signal.throwIfAborted();
    if (code === 0) return printed;
    const last = printed.at(-1) ?? said.at(-1) ?? "";
    throw new DrillError(`"${args.join(" ")}" ended with ${code}: ${last}`);
  } finally {
    signal.removeEventListener("abort", kill);
    await process.stdin.close().catch(() => {}); // it is broken
  }
}

const linesOf = (bytes: Uint8Array): readonly string[] =>
  new TextDecoder().decode(bytes).split("\n").filter((each) => each !== "");
