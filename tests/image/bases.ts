/** The images that the Dockerfile begins with, made here under their names. */
import { type Stage } from "../support/dockerfile.ts";
import type { Buildah } from "./buildah.ts";

/** By Debian's number, as tags have it. */
const SUITES: Readonly<Record<string, string>> = {
  "12": "bookworm",
  "13": "trixie",
};
/** Authorities that this machine's administrator trusts, as for a proxy. */
const AUTHORITIES = "usr/local/share/ca-certificates";

/** @throws {Error} for a base that cannot be made. */
export async function makeBases(
  buildah: Buildah,
  stages: readonly Stage[],
  folder: string,
): Promise<void> {
  const stageNames = new Set<string | null>(stages.map(({ name }) => name));
  const bases = new Set(stages.map(({ from }) => from));
  for (const image of bases) {
    if (image === "scratch" || stageNames.has(image)) continue;
    if (await buildah.has(image)) continue;
    console.log(`== making ${image}`);
    const [, debian] = /\/debian:(\d+)\.\d+-slim$/.exec(image) ?? [];
    const [, deno] = /\/denoland\/deno:bin-([\d.]+)$/.exec(image) ?? [];
    if (debian !== undefined) {
      await makeDebian(buildah, image, SUITES[debian], folder);
    } else if (deno === Deno.version.deno) {
      await buildah.make(image, Deno.execPath(), "/deno");
    } else {
      throw new Error(`${image} cannot be made; Deno is ${Deno.version.deno}`);
    }
  }
}

async function makeDebian(
  buildah: Buildah,
  image: string,
  suite: string | undefined,
  folder: string,
): Promise<void> {
  if (suite === undefined) throw new Error(`of which suite is ${image}?`);
  const root = await Deno.makeTempDir({ dir: folder, prefix: "debian-" });
  try {
    const { code } = await new Deno.Command("debootstrap", {
      args: ["--variant=minbase", suite, root, mirror()],
      stdin: "null",
    }).spawn().status;
    if (code !== 0) throw new Error(`debootstrap ended with ${code}`);
    Deno.mkdirSync(`${root}/${AUTHORITIES}`, { recursive: true });
    for (const { name } of authorities()) {
      Deno.copyFileSync(
        `/${AUTHORITIES}/${name}`,
        `${root}/${AUTHORITIES}/${name}`,
      );
    }
    await buildah.make(image, root, "/");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function authorities(): Deno.DirEntry[] {
  try {
    return Deno.readDirSync(`/${AUTHORITIES}`).filter(({ isFile }) => isFile)
      .toArray();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Where this machine's apt has Debian from. */
function mirror(): string {
  const given = Deno.env.get("DEBIAN_MIRROR");
  if (given !== undefined) return given;
  const files = ["/etc/apt/sources.list"];
  for (const { name } of Deno.readDirSync("/etc/apt/sources.list.d")) {
    files.push(`/etc/apt/sources.list.d/${name}`);
  }
  for (const file of files) {
    const text = textOf(file);
    const [, url] = /^URIs:\s*(\S+\/debian\/?)(?:\s|$)/m.exec(text) ??
      /^deb\s+(?:\[.*?\]\s+)?(\S+\/debian\/?)\s/m.exec(text) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error("apt names no mirror of Debian; set DEBIAN_MIRROR");
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
