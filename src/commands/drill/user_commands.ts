/** What commands of the user do to the primary: `--break` and `--mend`. */
import type { ClusterFault } from "./cluster_fault.ts";

export const SHELL = "/bin/sh";

/** By the shell, each told the fault and the scenario. */
export interface BreakCommands {
  readonly break: string;
  readonly mend: string;
}

export class UserCommands implements AsyncDisposable {
  readonly #commands: BreakCommands | null;
  readonly #scenario: string;
  readonly #failed = Promise.withResolvers<string>();
  #running: Promise<void> = Promise.resolve();
  #broken: ClusterFault | null = null;

  /** @param commands null: there are none, and links are to do all. */
  constructor(commands: BreakCommands | null, scenario: string) {
    this.#commands = commands;
    this.#scenario = scenario;
  }

  /** Resolves with the reason when one has failed. */
  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  /** @returns false where it is not theirs. */
  begin(fault: ClusterFault): boolean {
    if (this.#commands === null || !isOfBrokers(fault)) return false;
    this.#broken = fault;
    this.#run(this.#commands.break, fault);
    return true;
  }

  end(fault: ClusterFault): boolean {
    if (this.#commands === null || !isOfBrokers(fault)) return false;
    this.#broken = null;
    this.#run(this.#commands.mend, fault);
    return true;
  }

  /** What is broken is mended, and the last command has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#broken !== null) this.end(this.#broken);
    await this.#running;
  }

  /** One after the other. */
  #run(command: string, { kind }: ClusterFault): void {
    this.#running = this.#running.then(async () => {
      const { code, stderr } = await new Deno.Command(SHELL, {
        args: ["-c", command],
        env: { DRILL_FAULT: kind, DRILL_SCENARIO: this.#scenario },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).output();
      if (code === 0) return;
      const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
      this.#failed.resolve(`"${command}" ended with ${code}: ${said}`);
    }).catch((error) =>
      this.#failed.resolve(`"${command}" cannot be run: ${String(error)}`)
    );
  }
}

/** A network that is cut, or slow, is the links' matter. */
const isOfBrokers = ({ cluster, kind }: ClusterFault): boolean =>
  cluster === "primary" && (kind === "kill" || kind === "hang");
