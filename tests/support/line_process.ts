/** A client in a process of its own that says by lines what it does. */
import { eachLine } from "./each_line.ts";
import type { GuardedProcess } from "./guarded_process.ts";

export interface LineProcessOptions {
  readonly process: GuardedProcess;
  /** Its files; removed with it. */
  readonly folder: string;
  readonly onLine: (line: string) => void;
  /** Of stderr. */
  readonly onComplaint: (line: string) => void;
}

export class LineProcess implements AsyncDisposable {
  readonly #process: GuardedProcess;
  readonly #folder: string;
  readonly #reading: Promise<unknown>;
  #disposed: Promise<void> | undefined;

  constructor({ folder, onComplaint, onLine, process }: LineProcessOptions) {
    this.#process = process;
    this.#folder = folder;
    this.#reading = Promise.all([
      eachLine(process.stdout, onLine),
      eachLine(process.stderr, onComplaint),
    ]);
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  /** Ends it, and resolves when all that it has said was told. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#process.signal(signal);
    await this.#process.status;
    await this.#reading;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#disposed ??= this.#dispose();
  }

  async #dispose(): Promise<void> {
    await this.end("SIGKILL");
    await Deno.remove(this.#folder, { recursive: true });
  }
}
