import { buildNative } from "../kafka/native/build.ts";
import { NativeError } from "../kafka/native/error.ts";
import { probeLibrary } from "../kafka/native/probe.ts";
import { progressWriter } from "../kafka/native/progress.ts";
import { usageOf } from "./help.ts";
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
    write(Deno.stderr, `${problem}; ${USAGE}`);
    return 2;
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
    write(Deno.stdout, `librdkafka ${version}: ${path}`);
    write(Deno.stdout, `with ${features.join(" ")}`);
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) {
      write(Deno.stderr, "interrupted, nothing was changed");
    } else if (error instanceof NativeError) {
      write(Deno.stderr, error.message);
    } else {
      throw error;
    }
    return 1;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSignalListener("SIGTERM", interrupt);
  }
}

function write(stream: typeof Deno.stdout, line: string): void {
  stream.writeSync(new TextEncoder().encode(`${line}\n`));
}
