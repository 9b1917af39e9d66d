/** Tests that need Java. */
import { kafkaJarsAreCached } from "./kafka_runtime.ts";
import { javaVersion } from "./java_version.ts";
import { needingTest, onPath } from "./needs.ts";

const oldestJava = 17;

/** Registers a test that starts real Kafka brokers. */
export function realKafkaTest(
  name: string,
  test: (context: Deno.TestContext) => void | Promise<void>,
): void {
  needingTest(missingForKafka(), name, test);
}

/** What to install before brokers can start here, or nothing. */
export function missingForKafka(): string | undefined {
  const version = javaVersion();
  const lacks = version === undefined
    ? "java is missing"
    : version.major < oldestJava
    ? `java is ${version.major}, older than ${oldestJava}`
    : onPath("javac") === undefined
    ? "javac is missing"
    : !kafkaJarsAreCached() && onPath("mvn") === undefined
    ? "mvn is missing"
    : undefined;
  return lacks && `${lacks}; install it with: ${installLine()}`;
}

function installLine(): string {
  return Deno.build.os === "darwin"
    ? "brew install openjdk@17 maven"
    : "apt-get install openjdk-17-jdk-headless maven";
}
