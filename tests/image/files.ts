/** What lies in an image. */

const ANYONE_MAY_RUN = 0o111;

/** Files that could be run as programs: shared libraries are not counted. */
export function executablesIn(root: string, folder = ""): string[] {
  return Deno.readDirSync(root + folder).toArray().flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return executablesIn(root, path);
    if (!entry.isFile || /\.so(\.\d+)*$/.test(path)) return [];
    const { mode } = Deno.statSync(root + path);
    return (mode! & ANYONE_MAY_RUN) !== 0 ? [path] : [];
  });
}

/** Names of a CycloneDX document's components. */
export function partsListed(path: string): string[] {
  const { components }: { components: readonly { readonly name: string }[] } =
    JSON.parse(Deno.readTextFileSync(path));
  return components.map(({ name }) => name);
}
