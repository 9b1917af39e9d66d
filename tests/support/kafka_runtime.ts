/**
 * Apache Kafka's jars and what speeds up its start, prepared once in `.cache`.
 *
 *     .cache/kafka-4.3.1/lock           held while somebody prepares
 *     .cache/kafka-4.3.1/<pom>/jars/    complete, or not there at all
 *     .cache/kafka-4.3.1/<pom>/start-<java>/   bootstrap.checkpoint, classes.jsa
 *     .cache/kafka-4.3.1/<pom>/tools-<sources>/   our own classes
 *
 * Each folder is filled under a temporary name and renamed at the end, so an
 * interrupted preparation is never mistaken for a finished one.
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { javaVersion } from "./java_version.ts";
import {
  serverAddresses,
  serverProperties,
  writeProperties,
} from "./kafka_properties.ts";
import { startGuarded } from "./guarded_process.ts";
import { eventually } from "./wait.ts";

const pomFile = fileURLToPath(new URL("./kafka/pom.xml", import.meta.url));
const toolFiles = ["RecordPipe", "TranslateOffsets", "MirrorDecisions"].map((
  name,
) => fileURLToPath(new URL(`./kafka/${name}.java`, import.meta.url)));
const cache = fileURLToPath(
  new URL("../../.cache/kafka-4.3.1/", import.meta.url),
);

export interface KafkaRuntime {
  readonly classPath: string;
  /** With our own classes at its end. */
  readonly toolsClassPath: string;
  /** What `StorageTool format` writes beside `meta.properties`. */
  readonly bootstrapCheckpoint: string;
  /** Loads classes from an archive: halves the cpu time of a broker's start. */
  readonly archiveFlag: string;
}

/** For JVMs that live for seconds. The class archive is made with them. */
export const fastStartFlags = [
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
] as const;

let prepared: Promise<KafkaRuntime> | undefined;

/** True when a start needs no Maven any more. */
export function kafkaJarsAreCached(): boolean {
  return exists(jarsFolder());
}

/** The first call on a machine downloads 126 MB and takes about 30 s. */
export function kafkaRuntime(): Promise<KafkaRuntime> {
  return prepared ??= prepare();
}

async function prepare(): Promise<KafkaRuntime> {
  const java = javaVersion();
  if (java === undefined) throw new Error("java is missing");
  await Deno.mkdir(cache, { recursive: true });
  using lock = await Deno.open(`${cache}lock`, { create: true, write: true });
  await lock.lock(true);

  const jars = jarsFolder();
  await once(jars, downloadJars);
  const classPath = await listJars(jars);
  // The archive is refused where the jars have moved.
  const start = `${parent(jars)}/start-${hash(java.text + classPath)}`;
  await once(start, (folder) => prepareStart(classPath, folder));
  const sources = await Promise.all(
    toolFiles.map((file) => Deno.readTextFile(file)),
  );
  const tools = `${parent(jars)}/tools-${hash(java.text + sources.join(""))}`;
  await once(tools, async (folder) => {
    await run(["javac", "-cp", classPath, "-d", folder, ...toolFiles]);
  });
  return {
    classPath,
    // Added at the end, the archive stays valid.
    toolsClassPath: `${classPath}:${tools}`,
    bootstrapCheckpoint: `${start}/bootstrap.checkpoint`,
    archiveFlag: `-XX:SharedArchiveFile=${start}/classes.jsa`,
  };
}

/** Fills `folder` by `fill`, unless it is there. Call it under the lock. */
async function once(folder: string, fill: (folder: string) => Promise<void>) {
  if (exists(folder)) return;
  const unfinished = `${folder}.unfinished`;
  if (exists(unfinished)) await Deno.remove(unfinished, { recursive: true });
  await Deno.mkdir(unfinished, { recursive: true });
  await fill(unfinished);
  await Deno.rename(unfinished, folder);
}

async function downloadJars(folder: string): Promise<void> {
  say("downloading Apache Kafka 4.3.1 (once, 126 MB)");
  await run([
    "mvn",
    "--batch-mode",
    "--quiet",
    `--file=${pomFile}`,
    "dependency:copy-dependencies",
    "-DincludeScope=runtime",
    `-DoutputDirectory=${folder}`,
  ]);
}

/**
 * Runs one broker for what it leaves behind. The jars must be at their final
 * place: the archive is refused for a class path with other names.
 */
async function prepareStart(classPath: string, folder: string): Promise<void> {
  say("preparing fast broker starts (once)");
  const servers = serverAddresses();
  const dataFolder = `${folder}/data`;
  const properties = `${folder}/server.properties`;
  const logFile = `${folder}/broker.log`;
  await writeProperties(
    properties,
    serverProperties(servers[0]!, { servers, dataFolder }),
  );
  const java = ["java", ...fastStartFlags, "-cp", classPath] as const;
  await run([
    ...[...java, "kafka.tools.StorageTool", "format"] as const,
    ...["--cluster-id", "switchyard-test-00000", "--config", properties],
  ]);
  await Deno.copyFile(
    `${dataFolder}/bootstrap.checkpoint`,
    `${folder}/bootstrap.checkpoint`,
  );

  const archive = `-XX:ArchiveClassesAtExit=${folder}/classes.jsa`;
  const process = startGuarded(
    [...java, archive, "kafka.Kafka", properties],
    { logFile },
  );
  try {
    await eventually(
      async () => {
        const log = await Deno.readTextFile(logFile);
        return !process.alive || log.includes("Server started");
      },
      { what: `started (see ${logFile})`, timeoutMs: 120_000 },
    );
    process.signal("SIGTERM");
    await process.status;
    if (!exists(`${folder}/classes.jsa`)) {
      throw new Error(`the broker made no class archive (see ${logFile})`);
    }
  } finally {
    process.signal("SIGKILL");
    await process.status;
  }
  await Deno.remove(dataFolder, { recursive: true });
}

function jarsFolder(): string {
  return `${cache}${hash(Deno.readTextFileSync(pomFile))}/jars`;
}

async function listJars(folder: string): Promise<string> {
  const jars: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".jar")) jars.push(`${folder}/${name}`);
  }
  // The archive is valid for one order of the class path only.
  return jars.sort().join(":");
}

/** Throws with the output when the command fails. */
async function run(command: readonly string[]): Promise<void> {
  const { status, stdout, stderr } = startGuarded(command);
  const output = await Promise.all(
    [stdout, stderr].map((stream) => new Response(stream).text()),
  );
  if ((await status).success) return;
  throw new Error(`${command[0]} failed:\n${output.join("")}`);
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`tests: ${text}\n`));
}
