/**
 * Tests that need Java. Where it is missing they fail under CI, and are reported
 * as "not run" elsewhere, so that nobody takes them for passed.
 */
import { kafkaJarsAreCached } from "./kafka_runtime.ts";
import { javaVersion } from "./java_version.ts";

const oldestJava = 17;

/** Registers a test that starts real Kafka brokers. */
export function realKafkaTest(
  name: string,
  test: (context: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = missingForKafka();
  if (missing === undefined) {
    Deno.test(name, test);
  } else if (Deno.env.get("CI") === "true") {
    Deno.test(name, () => {
      throw new Error(missing);
    });
  } else {
    Deno.stderr.writeSync(
      new TextEncoder().encode(`not run: ${name} (${missing})\n`),
    );
    Deno.test({ name, ignore: true, fn: test });
  }
}

/** What to install before brokers can start here, or nothing. */
export function missingForKafka(): string | undefined {
  const version = javaVersion();
  const lacks = version === undefined
    ? "java is missing"
    : version.major < oldestJava
    ? `java is ${version.major}, older than ${oldestJava}`
    : !isOnPath("javac")
    ? "javac is missing"
    : !kafkaJarsAreCached() && !isOnPath("mvn")
    ? "mvn is missing"
    : undefined;
  return lacks && `${lacks}; install it with: ${installLine()}`;
}

function installLine(): string {
  return Deno.build.os === "darwin"
    ? "brew install openjdk@17 maven"
    : "apt-get install openjdk-17-jdk-headless maven";
}

function isOnPath(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      // An unreadable or absent folder of PATH holds no program for us.
      return false;
    }
  });
}
