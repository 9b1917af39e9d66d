export type Command = (args: readonly string[]) => Promise<number>;

/**
 * Runs it in this thread with these settings alone; only for what ends before it
 * does anything. The process and its environment are those of other tests, too.
 */
export async function refused(
  command: Command,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const { writeSync } = Deno.stderr;
  const { toObject } = Deno.env;
  let said = "";
  Deno.stderr.writeSync = (bytes) => {
    said += new TextDecoder().decode(bytes);
    return bytes.length;
  };
  Deno.env.toObject = () => ({ ...env });
  try {
    return { status: await command(args), said };
  } finally {
    Deno.stderr.writeSync = writeSync;
    Deno.env.toObject = toObject;
  }
}
