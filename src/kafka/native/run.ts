import { NativeError } from "./error.ts";

export type RunOptions = Readonly<{
  folder: string;
  environment: Readonly<Record<string, string>>;
  /** Path of the file that all output is appended to. */
  log: string;
  onLine?: ((line: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}>;

const TAIL_LINES = 20;

/**
 * Runs a command to its end.
 *
 * @throws NativeError with the last lines of its output if it fails
 */
export async function run(
  [name = "", ...args]: readonly string[],
  { folder, environment, log, onLine = () => {}, signal }: RunOptions,
): Promise<void> {
  signal?.throwIfAborted();
  using file = await Deno.open(log, { append: true, create: true });
  const tail: string[] = [];
  const child = new Deno.Command(name, {
    args,
    cwd: folder,
    env: environment,
    stdin: "null",
    // Not straight into the log: if we are killed, the pipe breaks and ends
    // the command, which would otherwise go on unseen.
    stdout: "piped",
    stderr: "piped",
    ...(signal ? { signal } : {}),
  }).spawn();
  const record = (line: string) => {
    file.writeSync(new TextEncoder().encode(`${line}\n`));
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    onLine(line);
  };
  await Promise.all([
    eachLine(child.stdout, record),
    eachLine(child.stderr, record),
  ]);
  const { success, code } = await child.status;
  signal?.throwIfAborted();
  if (success) return;
  throw new NativeError([
    `librdkafka could not be built: \`${
      [name, ...args].join(" ")
    }\` ended with ${code}. The end of its output:`,
    ...tail.map((line) => `  ${line}`),
    `The whole log: ${log}`,
  ].join("\n"));
}

async function eachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(onLine);
  }
  if (rest !== "") onLine(rest);
}
