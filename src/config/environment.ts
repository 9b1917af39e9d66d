import type { Leaf } from "./field.ts";
import type { Given } from "./given.ts";
import { nearestName, suggestion } from "./nearest.ts";

/** Environment variable with the path of the settings file. */
export const fileVariable = "SWITCHYARD_CONFIG";
/** A drill sets it for its roles, see dr/formats/namespace.ts. */
const namespaceVariable = "SWITCHYARD_NAMESPACE";

/** Variables that begin so are ours alone, so an unknown one is a mistake. */
const ourPrefixes = [
  "PRIMARY_",
  "SECONDARY_",
  "EMBEDDED_",
  "MIRROR_",
  "SWITCHYARD_",
];

export interface EnvironmentContent {
  readonly givens: readonly Given[];
  readonly problems: readonly string[];
}

/** Picks the settings out of the environment; empty variables are unset. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  leaves: readonly Leaf[],
): EnvironmentContent {
  const givens: Given[] = [];
  const problems: string[] = [];
  for (const [name, value = ""] of Object.entries(env).toSorted(byName)) {
    if (value === "" || name === fileVariable) continue;
    if (name === namespaceVariable) continue;
    if (isServiceVariable(name, value)) continue;
    const given = match(name, leaves);
    if (given !== undefined) {
      givens.push({ ...given, value, source: { kind: "environment", name } });
    } else if (ourPrefixes.some((prefix) => name.startsWith(prefix))) {
      problems.push(
        `unknown environment variable ${name}` +
          suggestion(meant(name, leaves)),
      );
    }
  }
  return { givens, problems };
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

/**
 * Kubernetes (like Docker links before it) tells every container about every
 * service: one called `switchyard` or `primary-kafka` sets variables that look
 * like ours.
 */
function isServiceVariable(name: string, value: string): boolean {
  return /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(name) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) ||
    (name.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(value));
}

function match(
  name: string,
  leaves: readonly Leaf[],
): Pick<Given, "leaf" | "property"> | undefined {
  for (const leaf of leaves) {
    const { env, form } = leaf.field;
    if (form === "value") {
      if (name === env) return { leaf };
    } else if (/^[A-Z0-9]+(_[A-Z0-9]+)*$/.test(afterPrefix(name, env))) {
      const property = afterPrefix(name, env).toLowerCase()
        .replaceAll("_", ".");
      return { leaf, property };
    }
  }
}

function afterPrefix(name: string, prefix: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : "";
}

/**
 * `PRIMARY_BROKER` means PRIMARY_BROKERS, `PRIMARY_KAKFA_X` means
 * PRIMARY_KAFKA_X, `PRIMARY_X_Y` most likely PRIMARY_KAFKA_X_Y, and
 * `SWITCHYARD_WORKERS` means WORKERS.
 */
function meant(name: string, leaves: readonly Leaf[]): string | undefined {
  const known = leaves.map(({ field }) => field.env);
  const values = known.filter((env) => !env.endsWith("_"));
  const near = nearestName(name, [...values, fileVariable]);
  if (near !== undefined) return near;
  const [cluster = "", word = "", ...rest] = name.split("_");
  const records = known.filter((env) =>
    env.endsWith("_") && env.startsWith(`${cluster}_`)
  );
  if (records.length > 0) {
    const record = nearestName(`${cluster}_${word}`, records);
    const property = record === undefined ? [word, ...rest] : rest;
    return `${record ?? records[0]}${property.join("_").toUpperCase()}`;
  }
  return nearestName([word, ...rest].join("_"), values);
}
