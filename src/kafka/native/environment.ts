/**
 * Variables for `configure`, `make` and the compiler: the user's own flags,
 * and on macOS the folders that Homebrew keeps out of the default path.
 */
export function buildEnvironment(
  os: string = Deno.build.os,
  get: (name: string) => string | undefined = (name) => Deno.env.get(name),
  exists: (folder: string) => boolean = isFolder,
): Record<string, string> {
  const flags = (name: string, separator: string, more: string[] = []) =>
    [get(name) ?? "", ...more].filter(Boolean).join(separator);
  const folders = os === "darwin" ? homebrewFolders(get, exists) : [];
  return {
    // Messages of the log in English; no job server of a make above us.
    LC_ALL: "C",
    MAKEFLAGS: "",
    CFLAGS: flags("CFLAGS", " "),
    CPPFLAGS: flags("CPPFLAGS", " ", folders.map((it) => `-I${it}/include`)),
    LDFLAGS: flags("LDFLAGS", " ", folders.map((it) => `-L${it}/lib`)),
    PKG_CONFIG_PATH: flags(
      "PKG_CONFIG_PATH",
      ":",
      folders.map((it) => `${it}/lib/pkgconfig`),
    ),
  };
}

function homebrewFolders(
  get: (name: string) => string | undefined,
  exists: (folder: string) => boolean,
): string[] {
  const prefix = [get("HOMEBREW_PREFIX"), "/opt/homebrew", "/usr/local"]
    .find((it) => it !== undefined && exists(`${it}/opt`));
  if (prefix === undefined) return [];
  // These are "keg-only": installed, but not linked into the prefix.
  const kegs = ["openssl@3", "zlib", "curl", "cyrus-sasl"];
  return [...kegs.map((keg) => `${prefix}/opt/${keg}`), prefix].filter(exists);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
