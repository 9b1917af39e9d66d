/**
 * Installs the peers, each with the exact versions of its own lock file or pom,
 * into folders that git ignores. What is there already is left alone.
 */
import {
  nodeProgram,
  peersFolder,
  projectFolder,
  streamsFolder,
  toolFolder,
} from "./paths.ts";
import { run, say } from "./shell.ts";
import type { System } from "./systems.ts";

export async function install(
  systems: readonly System[],
  ours: readonly string[],
): Promise<void> {
  await compileTool();
  const families = new Set(systems.map(({ family }) => family));
  if (families.has("kafka-streams")) await compile(streamsFolder);
  if (families.has("javascript")) {
    await npmInstall("node");
    for (const name of ["kafkajs", "platformatic", "confluent"]) {
      const isWanted = systems.some((system) => system.name.startsWith(name));
      if (isWanted) await npmInstall(name);
      if (isWanted && name === "confluent") await buildConfluent();
    }
  }
  if (families.has("switchyard")) await buildNative(ours);
}

/** Digests and loads. */
export async function compileTool(): Promise<void> {
  await compile(toolFolder);
}

/** Building the native library is no part of the measured start. */
export async function buildNative(ours: readonly string[]): Promise<void> {
  if (!ours.includes("src/main.ts")) return;
  await run([Deno.execPath(), "run", "-A", "src/main.ts", "native"], {
    cwd: projectFolder,
  });
}

async function compile(folder: string): Promise<void> {
  await run(["mvn", "--batch-mode", "--quiet", "compile"], { cwd: folder });
}

async function npmInstall(name: string): Promise<void> {
  const folder = `${peersFolder}/${name}`;
  const installed = await modified(`${folder}/node_modules/.package-lock.json`);
  if (installed > await modified(`${folder}/package-lock.json`)) return;
  say(`installing ${name} (once)`);
  await run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: folder,
  });
}

/**
 * The package's install script would download a prebuilt addon. Linked
 * dynamically, it builds the librdkafka that it ships, as we do.
 */
async function buildConfluent(): Promise<void> {
  const folder = `${peersFolder}/confluent`;
  const addon = `${folder}/node_modules/@confluentinc/kafka-javascript` +
    "/build/Release/confluent-kafka-javascript.node";
  if (await modified(addon) > 0) return;
  say("building confluent-kafka-javascript (once, some minutes)");
  const node = await Deno.realPath(nodeProgram);
  await run(["npm", "rebuild", "@confluentinc/kafka-javascript"], {
    cwd: folder,
    env: {
      CKJS_LINKING: "dynamic",
      npm_config_build_from_source: "true",
      // The headers of the Node that runs it, which is not npm's.
      npm_config_nodedir: node.replace(/\/bin\/node$/, ""),
      PATH: `${node.replace(/\/node$/, "")}:${Deno.env.get("PATH")}`,
    },
  });
}

/** Milliseconds since the epoch; 0 when there is no such file. */
async function modified(file: string): Promise<number> {
  try {
    return (await Deno.stat(file)).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
