import { leavesOf } from "./field.ts";
import {
  givenPath,
  isSecret,
  type Source,
  withoutCredentials,
} from "./given.ts";
import type { LoadedSettings } from "./load.ts";
import { settingsSchema } from "./table.ts";

/** One setting as operators see it. */
export interface EffectiveSetting {
  readonly path: string;
  /** Secrets are `***`. */
  readonly value: unknown;
  /** What it means that there is no value. */
  readonly unset?: string;
  readonly source: Source;
}

/** Every setting in the table's order; librdkafka properties one by one. */
export function effectiveSettings(
  { settings, sources }: LoadedSettings,
): EffectiveSetting[] {
  return leavesOf(settingsSchema.shape).flatMap((leaf) => {
    const { field, keys } = leaf;
    const value = keys.reduce<unknown>(
      (level, key) => (level as Record<string, unknown>)[key],
      settings,
    );
    const entries: [string | undefined, unknown][] = field.form === "value"
      ? [[undefined, value]]
      : Object.entries(value as Record<string, unknown>);
    return entries.map(([property, value]) => {
      const given = { leaf, ...(property === undefined ? {} : { property }) };
      const path = givenPath(given);
      const source: Source = sources.get(path) ?? { kind: "default" };
      // References are how secrets come in, whatever a property is called.
      const secret = isSecret(given) ||
        (property !== undefined && source.kind !== "default" &&
          source.reference !== undefined);
      const unset = field.form === "value" ? field.unset : undefined;
      return {
        path,
        value: masked(value, secret),
        ...(value === null && unset !== undefined ? { unset } : {}),
        source,
      };
    });
  });
}

function masked(value: unknown, secret: boolean): unknown {
  if (secret) return "***";
  return typeof value === "string" ? withoutCredentials(value) : value;
}

/** An aligned table for people, one setting a line. */
export function renderEffective(rows: readonly EffectiveSetting[]): string {
  const cells = [
    ["setting", "from", "value"],
    ...rows.map((row) => [row.path, origin(row.source), display(row)]),
  ];
  const width = (column: number) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0));
  const widths = [width(0), width(1)];
  return cells.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ") +
    "\n"
  ).join("");
}

function display({ value, unset }: EffectiveSetting): string {
  if (unset !== undefined) return `(${unset})`;
  if (typeof value !== "string") return JSON.stringify(value);
  // Anything else, a line end for one, would break the table.
  return /^[\x21-\x7e]+$/.test(value) ? value : JSON.stringify(value);
}

function origin(source: Source): string {
  switch (source.kind) {
    case "default":
      return "default";
    case "file":
      return `${source.path}:${source.line}${via(source.reference)}`;
    case "environment":
      return `${source.name}${via(source.reference)}`;
  }
}

function via(reference: string | undefined): string {
  return reference === undefined ? "" : ` via ${reference}`;
}
