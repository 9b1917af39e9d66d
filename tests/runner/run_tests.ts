/**
 * Runs groups of tests and adds up what they report: those that start JVMs one
 * after another, and the others, one after another, beside them.
 */
import { parseArgs } from "node:util";
import { testEnvironment } from "./environment.ts";
import { runProcess } from "./group_process.ts";
import { findGroups, type Group, selectGroups } from "./groups.ts";
import { type Prepared, PrepareError } from "./prepare.ts";
import { Screen } from "./screen.ts";
import { startsJvm } from "./starts_jvm.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface RunnerParts {
  /** Folder with `unit`, `integration`, `chaos`, `mirror` and `drill`. */
  readonly root: string;
  readonly logFolder: string;
  /** Whether the groups run in their long forms. */
  readonly soak: boolean;
  /** @throws {PrepareError} */
  readonly prepare: (signal: AbortSignal) => Promise<Prepared>;
  /** Aborted by a signal, with its name as the reason. */
  readonly signal: AbortSignal;
}

interface Options {
  readonly verbose: boolean;
  readonly check: boolean;
}

const USAGE = `usage: deno task test [--verbose] [--no-check] [group ...]

  group       unit, integration, chaos, mirror, drill, or a part such as
              integration/binding_consumer; without one: all
  --verbose   show all output as it comes
  --no-check  leave out the check of types
`;
const CHECK_DEADLINE_MS = 5 * 60_000;

/** @returns 0 when all passed and at least one did, 2 for wrong usage, else 1. */
export async function runTests(
  args: readonly string[],
  parts: RunnerParts,
): Promise<number> {
  let groups: readonly Group[];
  let options: Options;
  try {
    const { values, positionals } = parseArgs({
      args: args[0] === "--" ? args.slice(1) : [...args],
      options: {
        verbose: { type: "boolean", default: false },
        "no-check": { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
    options = { verbose: values.verbose, check: !values["no-check"] };
    groups = selectGroups(findGroups(parts.root, parts.soak), positionals);
  } catch (error) {
    const [problem] = (error as Error).message.split("\n");
    console.error(`${problem}\n${USAGE}`);
    return 2;
  }
  return await new Runner(parts, options).run(groups);
}

class Runner {
  readonly #parts: RunnerParts;
  readonly #options: Options;
  readonly #screen = new Screen();
  readonly #env = testEnvironment(Deno.env.toObject());
  #passed = 0;
  #failed = 0;
  #notRun = 0;

  constructor(parts: RunnerParts, options: Options) {
    this.#parts = parts;
    this.#options = options;
  }

  async run(groups: readonly Group[]): Promise<number> {
    const { signal, prepare, logFolder } = this.#parts;
    let missing: string | undefined;
    try {
      ({ missing } = await unlessAborted(prepare(signal), signal));
      await Deno.mkdir(logFolder, { recursive: true });
      if (this.#options.check) {
        await this.#checkTypes(groups.flatMap(({ files }) => files));
      }
      const { heavy = [], light = [] } = Object.groupBy(
        groups,
        // Tests of the support take places of JVMs, and start none.
        ({ files, name }) =>
          name !== "unit" && startsJvm(files) ? "heavy" : "light",
      );
      await Promise.all([heavy, light].map((lane) => this.#testAll(lane)));
    } catch (error) {
      if (error instanceof PrepareError) this.#screen.line(error.message);
      else if (!signal.aborted) throw error;
      this.#failed++;
    }
    if (this.#notRun > 0) {
      const why = missing === undefined ? "" : ` (${missing})`;
      this.#screen.line(`not run: ${this.#notRun}${why}`);
    }
    this.#screen.line(`${this.#passed} passed, ${this.#failed} failed`);
    const isGood = this.#passed > 0 && this.#failed === 0 && !signal.aborted;
    return isGood ? 0 : 1;
  }

  /** Once for all, so that the groups start at once. */
  async #checkTypes(files: readonly string[]): Promise<void> {
    await this.#step(
      "types",
      ["check", ...files],
      CHECK_DEADLINE_MS,
      // It counts when it fails; that it passes is no test.
      (ending) =>
        ending.kind === "exited" && ending.code === 0
          ? { passed: 0, failed: 0, ignored: 0 }
          : judge(ending, ""),
    );
  }

  async #testAll(groups: readonly Group[]): Promise<void> {
    for (const group of groups) {
      if (this.#parts.signal.aborted) return;
      await this.#test(group);
    }
  }

  async #test({ name, files, deadlineMs }: Group): Promise<void> {
    await this.#step(
      name,
      [
        ...["test", "-A", "--no-check"],
        // In threads of one process, as many as there are processors.
        ...files.length > 1 ? ["--parallel"] : [],
        ...["--sanitize-ops", "--sanitize-resources", ...files],
      ],
      deadlineMs,
      judge,
    );
  }

  async #step(
    name: string,
    args: readonly string[],
    deadlineMs: number,
    verdictOf: typeof judge,
  ): Promise<void> {
    const { logFolder, root, signal } = this.#parts;
    const path = `${logFolder}/${name.replaceAll("/", ".")}.log`;
    const startedMs = performance.now();
    this.#screen.running(name);
    using log = await Deno.create(path);
    const ending = await runProcess([Deno.execPath(), ...args], {
      env: this.#env,
      cwd: `${root}/..`,
      deadlineMs,
      signal,
      onOutput: (bytes) => {
        writeAll(log, bytes);
        if (this.#options.verbose) this.#screen.bytes(bytes);
      },
    });
    const output = await Deno.readTextFile(path);
    const verdict: Verdict = verdictOf(ending, output);
    this.#screen.group(name, verdict, performance.now() - startedMs);
    if (verdict.failed > 0 && !this.#options.verbose) {
      this.#screen.failure(name, verdict, output, path);
    }
    this.#passed += verdict.passed;
    this.#failed += verdict.failed;
    this.#notRun += verdict.ignored;
  }
}

/** Rejects when `signal` aborts first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal) {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  return Promise.race([promise, aborted.promise])
    .finally(() => signal.removeEventListener("abort", abort));
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    at += file.writeSync(bytes.subarray(at));
  }
}
