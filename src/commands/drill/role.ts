/** A command of ours as a process of its own, that can crash and stand still. */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { readLine } from "../../telemetry/read_line.ts";
import { permissions } from "./permissions.ts";

const MAIN = fileURLToPath(new URL("./role_main.ts", import.meta.url));
const KEPT_LINES = 40;
const STATUS_MS = 2_000;

export interface RoleOptions {
  /** As in `mirror`, with what follows it. */
  readonly args: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What it logs, line by line. */
  readonly onLine: (line: string) => void;
}

export const roleCommand = (
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  options: Pick<Deno.CommandOptions, "signal" | "stdout">,
  /** That it runs, beside roles. */
  programs: readonly string[] = [],
): Deno.Command =>
  new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      ...permissions(programs),
      "--no-check",
      MAIN,
      ...args,
    ],
    clearEnv: true,
    env: { ...env },
    stdin: "piped",
    stderr: "piped",
    ...options,
  });

const STARTED = z.object({
  message: z.literal("started"),
  fields: z.object({ http: z.url() }),
});

export class Role implements AsyncDisposable {
  readonly #options: RoleOptions;
  readonly #failed = Promise.withResolvers<string>();
  #process: Deno.ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #http: string | null = null;
  #lines: string[] = [];

  constructor(options: RoleOptions) {
    this.#options = options;
    this.start();
  }

  /** Resolves with the reason when it ends, and nobody has ended it. */
  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  /** Does nothing where it runs. */
  start(): void {
    if (this.#process !== null) return;
    const { args, env } = this.#options;
    const process = roleCommand(args, env, { stdout: "null" }).spawn();
    this.#process = process;
    this.#ended = this.#follow(process);
  }

  /** What it says of itself; null: it cannot be asked. */
  async status(): Promise<unknown> {
    if (this.#http === null) return null;
    try {
      const response = await fetch(`${this.#http}/status`, {
        signal: AbortSignal.timeout(STATUS_MS),
      });
      return await response.json();
    } catch {
      return null; // it is away, or stands still
    }
  }

  /** Nothing of it is there any more afterwards. */
  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = null;
    this.#http = null;
    if (process !== null) signalled(process, "SIGKILL");
    await this.#ended;
  }

  freeze(): void {
    if (this.#process !== null) signalled(this.#process, "SIGSTOP");
  }

  resume(): void {
    if (this.#process !== null) signalled(this.#process, "SIGCONT");
  }

  /** Lets it leave its groups and close what it has open. */
  async stop(timeoutMs: number): Promise<void> {
    const process = this.#process;
    if (process === null) return;
    this.#process = null;
    signalled(process, "SIGCONT");
    signalled(process, "SIGTERM");
    const late = setTimeout(() => signalled(process, "SIGKILL"), timeoutMs);
    await this.#ended;
    clearTimeout(late);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  async #follow(process: Deno.ChildProcess): Promise<void> {
    const [{ code }] = await Promise.all([
      process.status,
      this.#read(process),
    ]);
    await process.stdin.close().catch(() => {}); // it is broken
    if (this.#process !== process) return;
    const said = this.#lines.slice(-3).join("\n");
    this.#failed.resolve(
      `"${this.#options.args.join(" ")}" ended with ${code}: ${said}`,
    );
  }

  async #read(process: Deno.ChildProcess): Promise<void> {
    let rest = "";
    const text = process.stderr.pipeThrough(new TextDecoderStream());
    for await (const chunk of text) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#take(line, process);
    }
  }

  #take(line: string, process: Deno.ChildProcess): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    this.#options.onLine(line);
    const started = STARTED.safeParse(readLine(line));
    if (started.success && this.#process === process) {
      this.#http = started.data.fields.http;
    }
  }
}

/** Does nothing with one that has ended. */
export function signalled(
  process: Deno.ChildProcess,
  signal: Deno.Signal,
): void {
  try {
    process.kill(signal);
  } catch (error) {
    const hasEnded = error instanceof TypeError ||
      error instanceof Deno.errors.NotFound;
    if (!hasEnded) throw error;
  }
}
