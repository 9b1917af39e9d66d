/** What lies in an image. */

const ELF = "\x7fELF";

/** Native programs: all others need one that runs them. */
export function programsIn(root: string, folder = ""): string[] {
  return Deno.readDirSync(root + folder).toArray().flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return programsIn(root, path);
    const isLibrary = /\.so(\.\d+)*$/.test(path);
    return entry.isFile && !isLibrary && beginsWith(root + path, ELF)
      ? [path]
      : [];
  });
}

function beginsWith(path: string, text: string): boolean {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(text.length);
  file.readSync(bytes);
  return bytes.every((byte, at) => byte === text.charCodeAt(at));
}

/** Names of a CycloneDX document's components. */
export function partsListed(path: string): string[] {
  const { components }: { components: readonly { readonly name: string }[] } =
    JSON.parse(Deno.readTextFileSync(path));
  return components.map(({ name }) => name);
}
