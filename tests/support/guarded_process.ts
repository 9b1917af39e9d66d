/** Processes that tests start and that never outlive the test process. */

/**
 * Replaces itself by the command, so the pid is the command's own, and leaves a
 * watcher behind that reads our end of a pipe. A line means "it has ended"; end
 * of file without a line means that the test process died, however it died, and
 * kills the command, which works on a stopped (SIGSTOP) one too.
 */
const guardScript = `
exec 3<&0
( trap '' HUP INT TERM; read -r _ <&3 || kill -9 $$ ) >/dev/null 2>&1 &
exec 3<&-
if [ -n "$0" ]; then exec "$@" </dev/null >>"$0" 2>&1; fi
exec "$@" </dev/null`;

export interface GuardedOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Both output streams are appended to this file; otherwise they are piped. */
  readonly logFile?: string;
}

export interface GuardedProcess {
  readonly pid: number;
  /** Resolves when the process has ended and its watcher was dismissed. */
  readonly status: Promise<Deno.CommandStatus>;
  /** False from the moment at which the end of the process was noticed. */
  readonly alive: boolean;
  /** Does nothing when the process has already ended. */
  signal(signal: Deno.Signal): void;
  /** Both are at their end from the start when a log file was given. */
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
}

/** Starts `command`; the caller awaits `status`, after a signal if need be. */
export function startGuarded(
  command: readonly string[],
  options: GuardedOptions = {},
): GuardedProcess {
  const output = options.logFile === undefined ? "piped" : "null";
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", guardScript, options.logFile ?? "", ...command],
    stdin: "piped",
    stdout: output,
    stderr: output,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  }).spawn();

  let alive = true;
  const status = child.status.then(async (result) => {
    alive = false;
    await dismissWatcher(child.stdin);
    return result;
  });
  return {
    pid: child.pid,
    status,
    get alive() {
      return alive;
    },
    signal(signal) {
      if (alive) sendSignal(child, signal);
    },
    get stdout() {
      return output === "piped" ? child.stdout : emptyStream();
    },
    get stderr() {
      return output === "piped" ? child.stderr : emptyStream();
    },
  };
}

/** Does nothing when the process has already ended. */
export function sendSignal(child: Deno.ChildProcess, signal: Deno.Signal) {
  try {
    child.kill(signal);
  } catch (error) {
    const hasEnded = error instanceof TypeError ||
      error instanceof Deno.errors.NotFound;
    if (!hasEnded) throw error;
  }
}

async function dismissWatcher(stdin: WritableStream<Uint8Array>) {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode("ended\n"));
    await writer.close();
  } catch (error) {
    // Somebody ended the watcher before us: nothing is left to dismiss.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}
