/**
 * `deno task image-test`: builds the Dockerfile without a container engine, and
 * runs what comes out of it as an engine would. Needs root on Debian, buildah and
 * debootstrap. `--keep-image` takes the image that was built last.
 */
import { parseArgs } from "node:util";
import { dockerfile, projectRoot } from "../support/dockerfile.ts";
import { makeBases } from "./bases.ts";
import { Buildah } from "./buildah.ts";
import { CHECKS } from "./checks.ts";
import { Image } from "./container.ts";
import { sizesOf } from "./sizes.ts";

const TOOLS = ["buildah", "debootstrap"];
const NAME = "localhost/switchyard";

function problem(): string | null {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
    return "it needs Linux and root, for namespaces and mounts";
  }
  for (const tool of TOOLS) {
    try {
      new Deno.Command(tool, { args: ["--version"], stdout: "null" })
        .outputSync();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return `${tool} is missing; install it with: ` +
        `apt-get install -y --no-install-recommends ${TOOLS.join(" ")}`;
    }
  }
  return null;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { "keep-image": { type: "boolean", default: false } },
  });
  const reason = problem();
  if (reason !== null) {
    console.error(reason);
    return 2;
  }
  const folder = `${projectRoot}/.cache/image`;
  Deno.mkdirSync(folder, { recursive: true });
  const buildah = new Buildah(folder);
  // What a run that was killed has left, and images without a name any more.
  await buildah.run("rm", "--all");
  await buildah.run("rmi", "--prune", "--force");
  if (!values["keep-image"]) {
    await makeBases(buildah, dockerfile(), folder);
    console.log(`== building ${NAME}`);
    await buildah.show(
      "build",
      ...["--isolation", "chroot", "--pull-never", "--format", "docker"],
      ...["--tag", NAME, projectRoot],
    );
  }
  await using image = await Image.open(buildah, NAME);
  console.log(sizesOf(image.root));
  let failed = 0;
  for (const { name, check } of CHECKS) {
    const startedMs = performance.now();
    try {
      const figure = await check(image);
      const seconds = (performance.now() - startedMs) / 1000;
      console.log(`ok      ${name}: ${figure} (${seconds.toFixed(1)} s)`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}`);
      console.error(error);
    }
  }
  console.log(`${CHECKS.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

Deno.exit(await main());
