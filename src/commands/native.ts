import { buildNative } from "../kafka/native/build.ts";
import { NativeError } from "../kafka/native/error.ts";
import { probeLibrary } from "../kafka/native/probe.ts";
import { progressWriter } from "../kafka/native/progress.ts";
import { usageOf } from "./help.ts";
import { complain, print } from "./output.ts";
import { wordsOf } from "./words.ts";

const USAGE = usageOf("native");

/**
 * Builds librdkafka unless that is done; `--force` builds it again, as after
 * installing a library that it lacked. Exit status: 0, 1 if it cannot be
 * built, 2 for wrong usage.
 */
export async function native(args: readonly string[]): Promise<number> {
  let force: boolean;
  try {
    const values = wordsOf(args, {
      force: { type: "boolean", default: false },
    });
    force = values.force;
  } catch (error) {
    const [problem] = (error as Error).message.split("\n");
    return complain(2, `${problem}; ${USAGE}`);
  }

  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", interrupt);
  try {
    const path = await buildNative({
      force,
      signal: interrupted.signal,
      onProgress: progressWriter(),
    });
    const { version, features } = probeLibrary(path);
    print(`librdkafka ${version}: ${path}`);
    print(`with ${features.join(" ")}`);
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) {
      return complain(1, "interrupted, nothing was changed");
    }
    if (error instanceof NativeError) return complain(1, error.message);
    throw error;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSignalListener("SIGTERM", interrupt);
  }
}
