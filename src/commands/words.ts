/** The words behind a command. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { nearestName, suggestion } from "../config/nearest.ts";

const UNKNOWN = /^Unknown option '--?([^'=]+)/;

/**
 * @param args a leading `--` is accepted: `deno task` passes it on
 * @throws {Error} in one line, with the option that was most likely meant
 */
export function wordsOf<
  const T extends NonNullable<ParseArgsConfig["options"]>,
>(args: readonly string[], options: T) {
  const words = args[0] === "--" ? args.slice(1) : [...args];
  try {
    return parseArgs({ args: words, options }).values;
  } catch (error) {
    const problem = (error as Error).message.split("\n")[0]!;
    const unknown = UNKNOWN.exec(problem)?.[1];
    const near = unknown && nearestName(unknown, Object.keys(options));
    throw new Error(problem + suggestion(near && `--${near}`), {
      cause: error,
    });
  }
}
