/**
 * What MirrorMaker 2's own classes write, read and decide, without a broker: one
 * JVM answers all questions of a test. `kafka/MirrorDecisions.java` is the other
 * side.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { takeJvmSlot } from "./jvm_slots.ts";
import { fastStartFlags, kafkaRuntime } from "./kafka_runtime.ts";
import { seed, sized } from "./soak.ts";

/** Bytes are base64. */
export interface Question {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** A question, and what the answer must be. */
export interface Comparison {
  readonly question: Question;
  readonly check: (answer: unknown) => void;
}

/** Cases of an arbitrary, always the same for a seed. */
export const cases = <T>(arbitrary: fc.Arbitrary<T>, count: number): T[] =>
  fc.sample(arbitrary, { seed, numRuns: sized(count, count * 20) });

export const equals = (expected: unknown) => (answer: unknown) =>
  assert.deepEqual(answer, expected);

/**
 * The answers in the order of the questions; `{ error }` where Java threw.
 * @throws {Error} when the JVM failed as such.
 */
export async function askMirrorMaker(
  questions: readonly Question[],
): Promise<readonly unknown[]> {
  const { toolsClassPath } = await kafkaRuntime();
  using _slot = takeJvmSlot("MirrorMaker 2's decisions");
  const child = new Deno.Command("java", {
    args: [
      ...fastStartFlags,
      "-Xmx256m",
      // Versions and invariants are asserted there, not checked.
      "-ea:org.apache.kafka.connect.mirror...",
      "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
      "-cp",
      toolsClassPath,
      "org.apache.kafka.connect.mirror.MirrorDecisions",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  // It ends by itself when its input ends, also when we die.
  await new Blob([JSON.stringify(questions)]).stream().pipeTo(child.stdin)
    // A JVM that is gone tells why by its output.
    .catch(() => {});
  const { success, stdout, stderr } = await output;
  const decoder = new TextDecoder();
  if (!success) throw new Error(`java failed:\n${decoder.decode(stderr)}`);
  return JSON.parse(decoder.decode(stdout));
}
