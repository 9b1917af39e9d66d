const STOPS_MS = 10_000;

/**
 * After SIGSTOP: returns when none of its threads runs any more, which takes a
 * moment on a busy machine; or when the process has ended.
 */
export function awaitStopped(pid: number): void {
  const deadline = performance.now() + STOPS_MS;
  while (!isStopped(pid)) {
    if (performance.now() < deadline) continue;
    throw new Error(`process ${pid} did not stop within ${STOPS_MS} ms`);
  }
}

function isStopped(pid: number): boolean {
  try {
    return Deno.readDirSync(`/proc/${pid}/task`).every(({ name }) =>
      // `<number> (<name>) <state> ...`, and a name may hold anything.
      /\) [TtZX] [^)]*$/.test(
        Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`),
      )
    );
  } catch {
    // A thread, or all of it, has ended meanwhile.
    return !isRunning(pid);
  }
}

/** Asks the system, not the object that started it; a zombie counts as ended. */
export function isRunning(pid: number): boolean {
  const { stdout } = new Deno.Command("ps", {
    args: ["-o", "stat=", "-p", String(pid)],
  }).outputSync();
  return /^[^Z]/.test(new TextDecoder().decode(stdout).trim());
}
