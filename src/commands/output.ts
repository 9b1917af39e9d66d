/** What a command says, a line at a time. */
const encoder = new TextEncoder();

/** What it is asked for: on stdout. */
export function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

/** All else: on stderr. */
export function tell(line: string): void {
  Deno.stderr.writeSync(encoder.encode(`${line}\n`));
}

/** Why it ends with this exit status. @returns the status. */
export function complain(status: number, message: string): number {
  tell(message);
  return status;
}
