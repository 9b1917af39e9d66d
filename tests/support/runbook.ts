/** The commands of docs/disaster-recovery.md, run as they stand there. */
import assert from "node:assert/strict";
import { Child } from "./child.ts";
import { withoutOurs } from "./job_process.ts";
import { runbookCommands } from "./runbook_commands.ts";

const root = new URL("../../", import.meta.url);
const endMs = 120_000;

/** The document's commands, and which of them were run. */
export class Runbook {
  /** @param env of the commands */
  static async read(env: Readonly<Record<string, string>>): Promise<Runbook> {
    const commands = await runbookCommands();
    const { tasks } = JSON.parse(
      await Deno.readTextFile(new URL("deno.json", root)),
    );
    return new Runbook(commands, tasks, { ...withoutOurs(), ...env });
  }

  readonly #commands: ReadonlySet<string>;
  readonly #tasks: Readonly<Record<string, string>>;
  readonly #env: Record<string, string>;
  readonly #run = new Set<string>();

  private constructor(
    commands: ReadonlySet<string>,
    tasks: Readonly<Record<string, string>>,
    env: Record<string, string>,
  ) {
    this.#commands = commands;
    this.#tasks = tasks;
    this.#env = env;
  }

  get notRun(): string[] {
    return [...this.#commands].filter((each) => !this.#run.has(each));
  }

  /** As `deno task` does, without it in between: a kill must hit the command. */
  start(command: string): Child {
    assert.ok(this.#commands.has(command), `no "${command}" is documented`);
    this.#run.add(command);
    const [task, ...args] = wordsOf(command);
    const [program, ...words] = wordsOf(this.#tasks[task!]!);
    assert.equal(program, "deno");
    return Child.deno([...words, ...args], { env: this.#env });
  }

  /** To its end, which must be a good one. @returns what it said. */
  async run(command: string): Promise<string> {
    await using child = this.start(command);
    const { code } = await child.exit(endMs);
    assert.equal(code, 0, `${command}\n${told(child)}`);
    return told(child);
  }

  /** How fast a machine under tests is, is not the matter here. */
  async drill(command: string): Promise<void> {
    await using child = this.start(command);
    const { code } = await child.exit(endMs);
    const said = `${command}\n${told(child)}`;
    assert.ok(code === 0 || code === 1, said);
    assert.match(said, /"violations":\[\]|^drill .*: (met|NOT MET),/m);
    assert.doesNotMatch(said, /^violation: /m);
  }
}

/** As a shell takes them apart. */
const wordsOf = (command: string) =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)]
    .map(([, quoted, plain]) => quoted ?? plain!);

/** All that it has said. */
export const told = (child: Child) =>
  [...child.lines("stdout"), ...child.lines("stderr")].join("\n");
