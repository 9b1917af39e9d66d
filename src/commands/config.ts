import {
  type EffectiveSetting,
  effectiveSettings,
  type LoadedSettings,
  loadProcessSettings,
  memoryBudgetMib,
  renderEffective,
  SettingsError,
} from "../config/mod.ts";
import { usageOf } from "./help.ts";
import { wordsOf } from "./words.ts";

const usage = usageOf("config");

/**
 * Prints the settings in effect, secrets masked, and where each comes from.
 * Exit status: 0, or 2 for wrong usage or settings.
 */
export async function config(args: readonly string[]): Promise<number> {
  let json: boolean;
  try {
    const values = wordsOf(args, { json: { type: "boolean", default: false } });
    json = values.json;
  } catch (error) {
    const [problem] = error instanceof Error ? error.message.split("\n") : [];
    await write(Deno.stderr, `${problem}; ${usage}\n`);
    return 2;
  }
  let loaded: LoadedSettings;
  try {
    loaded = loadProcessSettings();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    await write(Deno.stderr, `${error.message}\n`);
    return 2;
  }
  const rows = effectiveSettings(loaded);
  const budget = memoryBudgetMib(loaded.settings);
  await write(
    Deno.stdout,
    json
      ? `${JSON.stringify(byPath(rows), null, 2)}\n`
      : `${renderEffective(rows)}\nmemory budget: ${budget} MiB\n`,
  );
  return 0;
}

function byPath(rows: readonly EffectiveSetting[]) {
  return Object.fromEntries(
    rows.map(({ path, value, source }) => [path, { value, source }]),
  );
}

async function write(
  { writable }: { readonly writable: WritableStream<Uint8Array> },
  text: string,
): Promise<void> {
  const writer = writable.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
  } finally {
    writer.releaseLock();
  }
}
