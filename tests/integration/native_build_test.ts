/**
 * The way of a build, with a library of one tiny source file in librdkafka's
 * place: real configure, make, compiler, processes and locks.
 */
import assert from "node:assert/strict";
import { buildNative, builtPath } from "../../src/kafka/native/build.ts";
import { NativeError } from "../../src/kafka/native/error.ts";
import {
  ensureNative,
  findNative,
  type NativeLibrary,
} from "../../src/kafka/native/locate.ts";
import { platform } from "../../src/kafka/native/platform.ts";
import { probeLibrary } from "../../src/kafka/native/probe.ts";
import type { LibrarySource } from "../../src/kafka/native/source.ts";
import { eventually, within } from "../support/wait.ts";

const NATIVE = new URL("../../src/kafka/native/", import.meta.url);
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const FEATURES =
  "gzip,snappy,ssl,sasl,lz4,sasl_gssapi,sasl_scram,zstd,sasl_oauthbearer,oidc";
const TIMEOUT_MS = 60_000;

/** A scratch folder with a source that waits, while it is built, for a gate. */
class Scratch implements AsyncDisposable {
  readonly home: string;
  readonly source: LibrarySource;
  readonly #gate: string;
  readonly #journal: string;

  private constructor(readonly folder: string, version: string) {
    this.home = `${folder}/native`;
    this.source = { version, folder: `${folder}/source`, origin: "test" };
    this.#gate = `${folder}/gate`;
    this.#journal = `${folder}/journal`;
  }

  static async create(version = "99.0.0"): Promise<Scratch> {
    const scratch = new Scratch(await Deno.makeTempDir(), version);
    const { folder } = scratch.source;
    await Deno.mkdir(`${folder}/src`, { recursive: true });
    await Deno.writeTextFile(`${folder}/configure`, "true\n");
    await Deno.writeTextFile(`${folder}/src/tiny.c`, program(version));
    await scratch.writeMakefile([
      `@echo begun >> '${scratch.#journal}'`,
      // It prints while it waits, so that it ends when nobody reads any more.
      `@until [ -e '${scratch.#gate}' ]; do echo waiting; sleep 0.05; done`,
      "$(CC) -fPIC -c tiny.c -o tiny.o",
      "$(CC) -shared tiny.o -o $@",
    ]);
    return scratch;
  }

  async writeMakefile(recipe: readonly string[]): Promise<void> {
    const lines = recipe.map((line) => `\t${line}\n`).join("");
    const text = `${platform().makeTarget}:\n${lines}`;
    await Deno.writeTextFile(`${this.source.folder}/src/Makefile`, text);
  }

  get target(): string {
    return builtPath(this.source.version, this.home);
  }

  openGate(): Promise<void> {
    return Deno.writeTextFile(this.#gate, "");
  }

  /** How often `make` has begun. */
  async begun(): Promise<number> {
    try {
      return (await Deno.readTextFile(this.#journal)).split("\n").length - 1;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return 0;
      throw error;
    }
  }

  leftovers(): string[] {
    return [...Deno.readDirSync(this.home)].map(({ name }) => name)
      .filter((name) => name.startsWith("tmp-"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.openGate();
    // A builder's orphans may write for a moment still.
    await eventually(
      () => Deno.remove(this.folder, { recursive: true }).then(() => true),
      { what: "the scratch folder removed" },
    );
  }
}

/** As much of librdkafka as finding it asks for. */
function program(version: string): string {
  return `#include <string.h>
    static int configuration;
    int rd_kafka_version(void) { return 0x020f01ff; }
    const char *rd_kafka_version_str(void) { return "${version}"; }
    void *rd_kafka_conf_new(void) { return &configuration; }
    void rd_kafka_conf_destroy(void *conf) { (void)conf; }
    int rd_kafka_conf_get(void *conf, char *name, char *value, size_t *size) {
      (void)conf; (void)name; (void)size;
      strcpy(value, "${FEATURES}");
      return 0;
    }`;
}

/** Another process that imports from the native folder. */
class Process implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<void>;
  output = "";

  constructor(code: string, env: Record<string, string> = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-lock", "--config", CONFIG, code],
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#read = this.#readOutput();
  }

  static builder({ source, home }: Scratch): Process {
    const module = JSON.stringify(new URL("build.ts", NATIVE).href);
    return new Process(`import { buildNative } from ${module};
      const onProgress = ({ phase }) => console.log(phase);
      const options = ${JSON.stringify({ source, home })};
      console.log(await buildNative({ ...options, onProgress }));`);
  }

  async #readOutput(): Promise<void> {
    const text = this.#child.stdout.pipeThrough(new TextDecoderStream());
    for await (const more of text) this.output += more;
  }

  async ended(): Promise<Deno.CommandStatus> {
    const ended = Promise.all([this.#child.status, this.#read]);
    const [status] = await within(ended, TIMEOUT_MS, "ended");
    return status;
  }

  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#read;
  }
}

Deno.test("a build that was killed midway is not mistaken for a finished one", async () => {
  await using scratch = await Scratch.create();
  const { source, home, target } = scratch;
  await using killed = Process.builder(scratch);
  await eventually(async () => await scratch.begun() === 1, {
    what: "the first build begun",
  });
  await killed.kill();
  assert.equal(scratch.leftovers().length, 1, "it was killed while it built");
  const { library } = findNative({ source, home, symbols: [] });
  assert.notEqual(library?.origin, "built");

  await scratch.openGate();
  assert.equal(await buildNative({ source, home }), target);
  assert.equal(await scratch.begun(), 2, "the second build was a whole one");
  assert.equal(probeLibrary(target).version, source.version);
  assert.deepEqual(scratch.leftovers(), []);
});

Deno.test("of builders at the same time one builds and the others wait for it", async () => {
  await using scratch = await Scratch.create();
  await using first = Process.builder(scratch);
  await using second = Process.builder(scratch);
  await using third = Process.builder(scratch);
  const all = [first, second, third];
  await eventually(
    () => all.filter(({ output }) => output.includes("waiting")).length === 2,
    { what: "two waiting for the third" },
  );
  await scratch.openGate();
  for (const builder of all) {
    assert.ok((await builder.ended()).success);
    assert.equal(builder.output.trim().split("\n").at(-1), scratch.target);
  }
  assert.equal(await scratch.begun(), 1);
});

Deno.test("a finished build is used and not repeated, unless by force", async () => {
  await using scratch = await Scratch.create();
  const { source, home } = scratch;
  await scratch.openGate();
  await buildNative({ source, home });
  await buildNative({ source, home });
  assert.equal(await scratch.begun(), 1);
  await buildNative({ source, home, force: true });
  assert.equal(await scratch.begun(), 2);
});

Deno.test("a built library that no longer opens is built again", async () => {
  await using scratch = await Scratch.create();
  const { source, home, target } = scratch;
  await scratch.openGate();
  await buildNative({ source, home });
  await Deno.writeTextFile(target, "as after an upgrade of OpenSSL");
  const { origin, version } = await ensureNative({ source, home, symbols: [] });
  assert.deepEqual([origin, version], ["built", source.version]);
});

Deno.test("an aborted build ends its commands and leaves nothing behind", async () => {
  await using scratch = await Scratch.create();
  const { source, home, target } = scratch;
  const abort = new AbortController();
  const building = buildNative({ source, home, signal: abort.signal });
  await Promise.race([
    building,
    eventually(async () => await scratch.begun() === 1, { what: "begun" }),
  ]);
  abort.abort();
  const ended = within(building, TIMEOUT_MS, "ended by the abort");
  await assert.rejects(ended, { name: "AbortError" });
  assert.deepEqual(scratch.leftovers(), []);
  assert.throws(() => Deno.statSync(target), Deno.errors.NotFound);
});

Deno.test("waiting for another builder can be aborted", async () => {
  await using scratch = await Scratch.create();
  const { source, home } = scratch;
  await using _builder = Process.builder(scratch);
  await eventually(async () => await scratch.begun() === 1, { what: "begun" });
  const abort = new AbortController();
  const waiting = buildNative({
    source,
    home,
    signal: abort.signal,
    onProgress: ({ phase }) => phase === "waiting" && abort.abort(),
  });
  const ended = within(waiting, TIMEOUT_MS, "ended by the abort");
  await assert.rejects(ended, { name: "AbortError" });
});

Deno.test("a build that fails shows the end of its log and where it is", async () => {
  await using scratch = await Scratch.create();
  const { source, home } = scratch;
  await scratch.writeMakefile(["@echo the disk is full; exit 3"]);
  await assert.rejects(buildNative({ source, home }), (error) => {
    assert.ok(error instanceof NativeError);
    assert.match(error.message, /the disk is full/);
    const [, log = ""] = /The whole log: (.+)/.exec(error.message) ?? [];
    assert.match(Deno.readTextFileSync(log), /the disk is full/);
    return true;
  });
  assert.deepEqual(scratch.leftovers(), []);
});

Deno.test("a build without an expected feature is no build", async () => {
  await using scratch = await Scratch.create();
  const { source, home } = scratch;
  const tiny = program(source.version).replace("ssl,", "");
  await Deno.writeTextFile(`${source.folder}/src/tiny.c`, tiny);
  await scratch.openGate();
  await assert.rejects(buildNative({ source, home }), /but without ssl/);
  const { library } = findNative({ source, home, symbols: [] });
  assert.notEqual(library?.origin, "built");
});

/** What another process finds where this library is the system's. */
async function findWithSystem(
  system: Scratch,
  symbols: string[],
): Promise<{ library: NativeLibrary | null; refused: string[] }> {
  const { source, home, folder } = system;
  await system.openGate();
  const built = await buildNative({ source, home });
  const [name = ""] = platform().systemLibraries;
  await Deno.copyFile(built, `${folder}/${name}`);
  const module = JSON.stringify(new URL("locate.ts", NATIVE).href);
  const options = { source, symbols, home: `${folder}/empty` };
  await using process = new Process(
    `import { findNative } from ${module};
     console.log(JSON.stringify(findNative(${JSON.stringify(options)})));`,
    { LD_LIBRARY_PATH: folder, DYLD_LIBRARY_PATH: folder },
  );
  assert.ok((await process.ended()).success);
  return JSON.parse(process.output);
}

Deno.test("a system's library that is recent is used", async () => {
  await using system = await Scratch.create("2.8.0");
  const { library } = await findWithSystem(system, ["rd_kafka_version"]);
  assert.equal(library?.origin, "system");
  assert.equal(library.version, "2.8.0");
  assert.deepEqual(library.features, FEATURES.split(","));
});

Deno.test("a system's library before 2.8 is refused with what it lacks", async () => {
  await using system = await Scratch.create("2.5.3");
  const { library, refused } = await findWithSystem(system, []);
  assert.notEqual(library?.version, "2.5.3");
  assert.match(refused.join(), /system librdkafka is 2\.5\.3.*2\.8 or later/);
});

Deno.test("a system's library that lacks a function is refused by its name", async () => {
  await using system = await Scratch.create("2.8.0");
  const symbols = ["rd_kafka_version", "rd_kafka_subscribe"];
  const { library, refused } = await findWithSystem(system, symbols);
  assert.notEqual(library?.version, "2.8.0");
  assert.match(refused.join(), /\(2\.8\.0\) lacks .*: rd_kafka_subscribe\./);
});

Deno.test("the settings' library comes first, though another one is built", async () => {
  await using built = await Scratch.create();
  await using chosen = await Scratch.create("3.0.0");
  for (const scratch of [built, chosen]) {
    await scratch.openGate();
    await buildNative({ source: scratch.source, home: scratch.home });
  }
  const { source, home } = built;
  const libraryPath = chosen.target;
  const library = await ensureNative({
    libraryPath,
    source,
    home,
    symbols: [],
  });
  assert.deepEqual([library.origin, library.version], ["settings", "3.0.0"]);
});

Deno.test("a settings' library that does not open is an error, though another one is built", async () => {
  await using scratch = await Scratch.create();
  const { source, home, folder } = scratch;
  await scratch.openGate();
  await buildNative({ source, home });
  const libraryPath = `${folder}/no.so`;
  await assert.rejects(
    ensureNative({ libraryPath, source, home, symbols: [] }),
    /cannot open .*no\.so.*libraryPath/,
  );
});
