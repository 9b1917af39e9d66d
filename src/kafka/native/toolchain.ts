import {
  type Compiler,
  compiles,
  findCompiler,
  toolVersion,
} from "./compiler.ts";
import { buildEnvironment } from "./environment.ts";
import { NativeError } from "./error.ts";
import { type Component, installLines } from "./packages.ts";

/** A part of the toolchain; `unchecked` where it takes a compiler to know. */
export type Part = Readonly<{
  component: Component;
  title: string;
  /** What it is for. */
  purpose: string;
  need: "required" | "optional";
  state: "found" | "missing" | "unchecked";
  /** What was found, as the tool itself says it. */
  detail: string;
}>;

export type Toolchain = Readonly<{
  parts: readonly Part[];
  /** For `configure` and `make`. */
  environment: Readonly<Record<string, string>>;
}>;

type Library = Pick<Part, "component" | "title" | "purpose" | "need"> & {
  readonly links: readonly string[];
  readonly program: string;
};

/**
 * Required is what users of a secured or compressed cluster expect of any
 * client: without it the build would succeed and the first connection fail.
 * Kerberos and OIDC serve fewer, so their lack is told and does not stop the
 * build. LZ4 and Snappy come inside librdkafka.
 */
const LIBRARIES: readonly Library[] = [
  {
    component: "openssl",
    title: "OpenSSL headers",
    purpose: "TLS, SCRAM, OAUTHBEARER",
    need: "required",
    links: ["-lssl", "-lcrypto"],
    program: `#include <openssl/ssl.h>
      int main(void) { return SSL_CTX_new(TLS_method()) == 0; }`,
  },
  {
    component: "zlib",
    title: "zlib headers",
    purpose: "gzip compression",
    need: "required",
    links: ["-lz"],
    program: `#include <zlib.h>
      int main(void) { return inflate(0, 0); }`,
  },
  {
    component: "zstd",
    title: "zstd headers",
    purpose: "zstd compression",
    need: "required",
    links: ["-lzstd"],
    program: `#include <zstd.h>
      #include <zstd_errors.h>
      int main(void) { return (int)ZSTD_getFrameContentSize(0, 0); }`,
  },
  {
    component: "curl",
    title: "libcurl headers",
    purpose: "OAUTHBEARER with OIDC",
    need: "optional",
    links: ["-lcurl"],
    program: `#include <curl/curl.h>
      int main(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }`,
  },
  {
    component: "sasl",
    title: "Cyrus SASL headers",
    purpose: "Kerberos",
    need: "optional",
    links: ["-lsasl2"],
    program: `#include <stddef.h>
      #include <sasl/sasl.h>
      int main(void) { return sasl_client_init(0); }`,
  },
];

/** Looks for everything at once, so that one message can name all that lacks. */
export async function inspectToolchain(): Promise<Toolchain> {
  const environment = buildEnvironment();
  const [compiler, make, bash] = await Promise.all([
    findCompiler(environment),
    toolVersion(["make", "--version"]),
    toolVersion(["bash", "--version"]),
  ]);
  const libraries = await Promise.all(
    LIBRARIES.map((library) => inspectLibrary(library, compiler)),
  );
  const chosen = Deno.env.get("CC");
  const command = compiler?.command.join(" ") ?? "";
  return {
    parts: [
      tool(
        "compiler",
        "C compiler",
        compiler?.version,
        chosen && `CC=${chosen}`,
      ),
      tool("make", "make", make),
      tool("bash", "bash", bash, "librdkafka's configure"),
      ...libraries,
    ],
    // `configure` insists on a C++ compiler, which the C library never calls:
    // any command that answers to --version will do.
    environment: { ...environment, CC: command, CXX: command },
  };
}

function tool(
  component: Component,
  title: string,
  version: string | null = null,
  purpose = "",
): Part {
  const state = version === null ? "missing" : "found";
  const detail = version ?? "";
  return { component, title, purpose, need: "required", state, detail };
}

async function inspectLibrary(
  { program, links, ...about }: Library,
  compiler: Compiler | null,
): Promise<Part> {
  const part = { ...about, detail: "" };
  if (compiler === null) return { ...part, state: "unchecked" };
  const found = await compiles(compiler, program, links);
  return { ...part, state: found ? "found" : "missing" };
}

/** Throws one error that names all that is missing and what installs it. */
export function requireToolchain({ parts }: Toolchain): void {
  const absent = parts.filter(({ state }) => state !== "found");
  if (absent.every(({ need }) => need === "optional")) return;
  const lines = installLines(absent.map(({ component }) => component));
  throw new NativeError([
    "librdkafka cannot be built, because this is missing:",
    ...absent.map((part) => `  ${describeAbsent(part)}`),
    lines.length > 0
      ? "Install it, then run this again:"
      : "Install it with your system's package manager, then run this again.",
    ...lines.map((line) => `  ${line}`),
    "Or set LIBRDKAFKA_PATH to a librdkafka of version 2.8 or later.",
  ].join("\n"));
}

/** A part that is not there, for the user. */
export function describeAbsent({ title, purpose, need, state }: Part): string {
  const remarks = [
    purpose,
    need === "optional" ? "optional" : "",
    state === "unchecked" ? "not checked, for lack of a compiler" : "",
  ].filter(Boolean).join("; ");
  return remarks === "" ? title : `${title} (${remarks})`;
}
