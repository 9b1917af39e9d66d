/**
 * Tests that need what a machine may lack. There they fail under CI, and are
 * reported as "not run" elsewhere, so that nobody takes them for passed.
 */

/** @param missing what to install, or nothing */
export function needingTest(
  missing: string | undefined,
  name: string,
  test: (context: Deno.TestContext) => void | Promise<void>,
): void {
  if (missing === undefined) {
    Deno.test(name, test);
  } else if (Deno.env.get("CI") === "true") {
    Deno.test(name, () => {
      throw new Error(missing);
    });
  } else {
    Deno.stderr.writeSync(
      new TextEncoder().encode(`not run: ${name} (${missing})\n`),
    );
    Deno.test({ name, ignore: true, fn: test });
  }
}

/** Where the shell would find it; undefined: it would not. */
export function onPath(program: string): string | undefined {
  return (Deno.env.get("PATH") ?? "").split(":")
    .map((folder) => `${folder}/${program}`)
    .find((path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        // An unreadable or absent folder of PATH holds no program for us.
        return false;
      }
    });
}
