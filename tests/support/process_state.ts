/** Asks the system, not the object that started it; a zombie counts as ended. */
export function isRunning(pid: number): boolean {
  const { stdout } = new Deno.Command("ps", {
    args: ["-o", "stat=", "-p", String(pid)],
  }).outputSync();
  return /^[^Z]/.test(new TextDecoder().decode(stdout).trim());
}
