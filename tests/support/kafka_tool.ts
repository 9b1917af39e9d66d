/** Kafka's own command line tools, as they stand in documents and messages. */
import assert from "node:assert/strict";
import { startGuarded } from "./guarded_process.ts";
import { fastStartFlags, kafkaRuntime } from "./kafka_runtime.ts";

const MAINS = {
  "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
  "kafka-storage.sh": "kafka.tools.StorageTool",
  "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
  "kafka-transactions.sh": "org.apache.kafka.tools.TransactionsCommand",
} as const;

/**
 * Carries out a command as a shell does, with `$BROKERS` and an empty
 * `admin.properties`.
 * @param folder where both are written
 * @throws {AssertionError} with what it said, where it fails.
 */
export async function runKafkaTool(
  tool: keyof typeof MAINS,
  command: string,
  bootstrapServers: string,
  folder: string,
): Promise<void> {
  const runtime = await kafkaRuntime();
  await Deno.writeTextFile(`${folder}/admin.properties`, "");
  const java = [
    "exec java -Xmx96m",
    ...fastStartFlags,
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    runtime.archiveFlag,
    `-cp '${runtime.classPath}' ${MAINS[tool]} "$@"`,
  ].join(" ");
  await Deno.writeTextFile(
    `${folder}/${tool}`,
    `#!/bin/sh\n${java}\n`,
    { mode: 0o755 },
  );
  const process = startGuarded(["/bin/sh", "-c", command], {
    cwd: folder,
    env: {
      PATH: `${folder}:${Deno.env.get("PATH")}`,
      BROKERS: bootstrapServers,
    },
  });
  const [{ code }, ...said] = await Promise.all([
    process.status,
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
  ]);
  assert.equal(code, 0, `${command}\n${said.join("\n")}`);
}
