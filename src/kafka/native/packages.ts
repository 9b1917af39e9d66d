/** Everything outside npm that the library, or the tests, are built with. */
export type Component =
  | "compiler"
  | "make"
  | "bash"
  | "openssl"
  | "zlib"
  | "zstd"
  | "curl"
  | "sasl"
  | "java"
  | "maven";

export type PackageManager =
  | "apt-get"
  | "dnf"
  | "apk"
  | "zypper"
  | "pacman"
  | "brew";

/** `null`: not one of its packages (see `installLines`). */
const PACKAGES: Record<
  PackageManager,
  Readonly<Record<Component, string | null>>
> = {
  "apt-get": {
    compiler: "gcc libc6-dev",
    make: "make",
    bash: "bash",
    openssl: "libssl-dev",
    zlib: "zlib1g-dev",
    zstd: "libzstd-dev",
    curl: "libcurl4-openssl-dev",
    sasl: "libsasl2-dev",
    java: "default-jdk-headless",
    maven: "maven",
  },
  dnf: {
    compiler: "gcc glibc-devel",
    make: "make",
    bash: "bash",
    openssl: "openssl-devel",
    zlib: "zlib-devel",
    zstd: "libzstd-devel",
    curl: "libcurl-devel",
    sasl: "cyrus-sasl-devel",
    java: "java-21-openjdk-devel",
    maven: "maven",
  },
  apk: {
    compiler: "gcc musl-dev",
    make: "make",
    bash: "bash",
    openssl: "openssl-dev",
    zlib: "zlib-dev",
    zstd: "zstd-dev",
    curl: "curl-dev",
    sasl: "cyrus-sasl-dev",
    java: "openjdk21-jdk",
    maven: "maven",
  },
  zypper: {
    compiler: "gcc glibc-devel",
    make: "make",
    bash: "bash",
    openssl: "libopenssl-devel",
    zlib: "zlib-devel",
    zstd: "libzstd-devel",
    curl: "libcurl-devel",
    sasl: "cyrus-sasl-devel",
    java: "java-21-openjdk-devel",
    maven: "maven",
  },
  pacman: {
    compiler: "gcc",
    make: "make",
    bash: "bash",
    openssl: "openssl",
    zlib: "zlib",
    zstd: "zstd",
    curl: "curl",
    sasl: "libsasl",
    java: "jdk21-openjdk",
    maven: "maven",
  },
  brew: {
    compiler: null,
    make: null,
    bash: "bash",
    openssl: "openssl@3",
    zlib: "zlib",
    zstd: "zstd",
    curl: "curl",
    sasl: "cyrus-sasl",
    java: "openjdk",
    maven: "maven",
  },
};

const INSTALL: Record<PackageManager, string> = {
  "apt-get": "apt-get install -y",
  dnf: "dnf install -y",
  apk: "apk add",
  zypper: "zypper install -y",
  pacman: "pacman -S --needed",
  brew: "brew install",
};

/** Reads `PATH`; Homebrew comes last because Linux may have it as a guest. */
export function detectPackageManager(): PackageManager | null {
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter(Boolean);
  const managers = Object.keys(INSTALL) as PackageManager[];
  return managers.find((name) =>
    folders.some((folder) => isFile(`${folder}/${name}`))
  ) ?? null;
}

/**
 * The commands, ready to paste, that install the components. Without a known
 * package manager there are none.
 */
export function installLines(
  components: readonly Component[],
  manager: PackageManager | null = detectPackageManager(),
  isRoot: boolean = Deno.uid() === 0,
): string[] {
  if (manager === null || components.length === 0) return [];
  const packages = components.map((component) => PACKAGES[manager][component])
    .filter((name) => name !== null);
  const lines: string[] = [];
  // Apple's compiler and make are no package.
  if (packages.length < components.length) lines.push("xcode-select --install");
  if (packages.length > 0) {
    const sudo = manager === "brew" || isRoot ? "" : "sudo ";
    const install = `${sudo}${INSTALL[manager]} ${packages.join(" ")}`;
    // A fresh Debian has empty package lists, where nothing can be installed.
    lines.push(
      manager === "apt-get" ? `${sudo}apt-get update && ${install}` : install,
    );
  }
  return lines;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
