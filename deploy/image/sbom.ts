/**
 * `sbom.ts ROOT LOCK`: writes the list of an image's parts, in CycloneDX, to
 * ROOT. For the Dockerfile.
 */

interface Component {
  readonly type: "application" | "library";
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: "SHA-512"; content: string }[];
}

interface Lock {
  /** By name and version. */
  readonly npm?: Readonly<Record<string, { readonly integrity: string }>>;
}

const TARGET = "usr/share/sbom";

const [root, lock] = Deno.args;
if (root === undefined || lock === undefined) {
  throw new TypeError("usage: sbom.ts ROOT LOCK");
}

/** A field of dpkg's record of a package. */
function field(record: string, name: string): string {
  const value = new RegExp(`^${name}: (.*)$`, "m").exec(record)?.[1];
  if (value === undefined) throw new Error(`no ${name} in ${record}`);
  return value;
}

function debianPackages(folder: string): Component[] {
  return Deno.readDirSync(folder).toArray().map(({ name }) => {
    const record = Deno.readTextFileSync(`${folder}/${name}`);
    const version = field(record, "Version");
    const purl = `pkg:deb/debian/${encodeURIComponent(name)}@` +
      `${encodeURIComponent(version)}?arch=${field(record, "Architecture")}`;
    return { type: "library", name, version, purl };
  });
}

function npmPackages({ npm = {} }: Lock): Component[] {
  return Object.entries(npm).map(([key, { integrity }]) => {
    const at = key.indexOf("@", 1);
    const name = key.slice(0, at);
    // What follows an underscore says which peers it was resolved with.
    const [version = ""] = key.slice(at + 1).split("_");
    const bytes = Uint8Array.fromBase64(integrity.replace("sha512-", ""));
    return {
      type: "library",
      name,
      version,
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      hashes: [{ alg: "SHA-512", content: bytes.toHex() }],
    };
  });
}

function fromGitHub(repository: string, version: string): Component {
  const [, name = ""] = repository.split("/");
  const purl = `pkg:github/${repository}@v${version}`;
  return { type: "library", name, version, purl };
}

const { librdkafka }: { librdkafka: string } = JSON.parse(
  Deno.readTextFileSync(
    "node_modules/@confluentinc/kafka-javascript/package.json",
  ),
);
const components = [
  fromGitHub("denoland/deno", Deno.version.deno),
  fromGitHub("confluentinc/librdkafka", librdkafka),
  ...npmPackages(JSON.parse(Deno.readTextFileSync(lock))),
  ...debianPackages(`${root}/var/lib/dpkg/status.d`),
].sort((a, b) => a.purl < b.purl ? -1 : 1);
Deno.mkdirSync(`${root}/${TARGET}`, { recursive: true });
Deno.writeTextFileSync(
  `${root}/${TARGET}/switchyard.cdx.json`,
  JSON.stringify(
    {
      bomFormat: "CycloneDX",
      specVersion: "1.6",
      version: 1,
      metadata: { component: { type: "application", name: "switchyard" } },
      components,
    },
    null,
    2,
  ),
);
