/**
 * The environment of test processes: ours, without Switchyard's own settings.
 * Who has `PRIMARY_BROKERS` set in the shell does not want tests on that cluster.
 */
import { readEnvironment } from "../../src/config/environment.ts";
import { leavesOf } from "../../src/config/field.ts";
import { settingsSchema } from "../../src/config/table.ts";

/** Variables that begin so are settings, or mistakes in settings. */
const OURS = /^(PRIMARY|SECONDARY|EMBEDDED|SWITCHYARD)_/;

export function testEnvironment(
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  const { givens } = readEnvironment(env, leavesOf(settingsSchema.shape));
  const settings = new Set(
    givens.map(({ source }) =>
      source.kind === "environment" ? source.name : undefined
    ),
  );
  return Object.fromEntries(
    Object.entries(env).filter(([name]) =>
      // Which library to load is a fact of the machine.
      name === "LIBRDKAFKA_PATH" || !OURS.test(name) && !settings.has(name)
    ),
  );
}
