/** Runs one command to its end, or ends it, with everything that it started. */
import type { Ending } from "./verdict.ts";

export interface ProcessOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly deadlineMs: number;
  /** Ends the process; its reason is the name of the signal that came. */
  readonly signal: AbortSignal;
  /** Both output streams, in the order in which they were written. */
  readonly onOutput: (bytes: Uint8Array) => void;
}

/**
 * How long output is waited for after the end: a process that has left our
 * group may hold the pipe open.
 */
const LAST_OUTPUT_MS = 2000;

/** Never rejects for what the command does; `Ending` says it. */
export async function runProcess(
  command: readonly string[],
  options: ProcessOptions,
): Promise<Ending> {
  const { env, cwd, deadlineMs, signal, onOutput } = options;
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", 'exec "$@" 2>&1', "sh", ...command],
    clearEnv: true,
    env: { ...env },
    cwd,
    // The leader of a process group, which is ended as a whole. It does not
    // get the terminal's Ctrl-C, so we see it first.
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const end = Promise.withResolvers<Ending>();
  const interrupt = () =>
    end.resolve({ kind: "interrupted", signal: String(signal.reason) });
  const timer = setTimeout(
    () => end.resolve({ kind: "late", deadlineMs }),
    deadlineMs,
  );
  signal.addEventListener("abort", interrupt);
  if (signal.aborted) interrupt();
  child.status.then((status) => end.resolve(endingOf(status)));

  const reader = child.stdout.getReader();
  const reading = read(reader, onOutput);
  const ending = await end.promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", interrupt);
  killGroup(child.pid);
  await child.status;
  const giveUp = setTimeout(() => reader.cancel(), LAST_OUTPUT_MS);
  await reading;
  clearTimeout(giveUp);
  return ending;
}

const endingOf = ({ code, signal }: Deno.CommandStatus): Ending =>
  signal === null ? { kind: "exited", code } : { kind: "signalled", signal };

async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  onOutput: (bytes: Uint8Array) => void,
): Promise<void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onOutput(value);
  }
}

/** Also after the leader has ended: what it started may still run. */
function killGroup(leader: number): void {
  try {
    Deno.kill(-leader, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
