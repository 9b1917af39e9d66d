import { NativeError } from "./error.ts";
import { missingFeatures } from "./features.ts";
import { findNative, type NativeLibrary } from "./locate.ts";
import type { Component } from "./packages.ts";
import { librarySource } from "./source.ts";
import { inspectToolchain } from "./toolchain.ts";
import { isAtLeast } from "./version.ts";

/**
 * One thing that `doctor` looked at: a `note` tells what some uses lack,
 * `missing` keeps commands from working.
 */
export type Check = Readonly<{
  name: string;
  state: "ok" | "note" | "missing";
  detail: string;
  /** What a package manager would have to bring. */
  component?: Component;
}>;

/** KIP-848 is a preview in librdkafka before this version. */
const STABLE_CONSUMER_PROTOCOL = "2.12";

/** The library that stands ready, or else all that it takes to build it. */
export async function checkNative(
  libraryPath: string | null,
): Promise<{ checks: Check[]; library: NativeLibrary | null }> {
  const checks: Check[] = [];
  let library: NativeLibrary | null = null;
  let mustBuild = false;
  try {
    const found = findNative({ libraryPath });
    library = found.library;
    mustBuild = library === null;
    checks.push(
      ...library === null ? [notBuiltYet(found.refused)] : describe(library),
    );
  } catch (error) {
    checks.push(problem("librdkafka", "missing", error));
  }
  const lack = mustBuild ? "missing" : "note";
  try {
    const { origin } = librarySource();
    checks.unshift({ name: "npm package", state: "ok", detail: origin });
  } catch (error) {
    checks.unshift(problem("npm package", lack, error));
  }
  const { parts } = await inspectToolchain();
  for (const { component, title, purpose, need, state, detail } of parts) {
    const ifAbsent = need === "required" ? lack : "note";
    checks.push({
      name: title,
      state: state === "found" ? "ok" : ifAbsent,
      detail: [detail || state, purpose].filter(Boolean).join("; "),
      component,
    });
  }
  return { checks, library };
}

/** What a cluster's settings ask for, against what the library can do. */
export function checkFeatures(
  cluster: string,
  settings: Parameters<typeof missingFeatures>[0],
  { features }: NativeLibrary,
): Check[] {
  return missingFeatures(settings, features).map((detail) => ({
    name: `${cluster} cluster`,
    state: "missing",
    detail,
  }));
}

function notBuiltYet(refused: readonly string[]): Check {
  const detail = [
    "not built yet: the first command that needs it does that",
    ...refused,
  ].join("\n");
  return { name: "librdkafka", state: "note", detail };
}

function describe(
  { version, origin, path, features }: NativeLibrary,
): Check[] {
  const checks: Check[] = [
    {
      name: "librdkafka",
      state: "ok",
      detail: `${version}, ${origin}: ${path}`,
    },
    { name: "features", state: "ok", detail: features.join(" ") },
  ];
  if (!isAtLeast(version, STABLE_CONSUMER_PROTOCOL)) {
    const detail =
      `group.protocol=consumer is a preview in ${version}, stable ` +
      "from 2.12; `deno task native` builds one";
    checks.push({ name: "group protocol", state: "note", detail });
  }
  return checks;
}

/** Errors that are written for the user are findings here. */
function problem(
  name: string,
  state: Check["state"],
  error: unknown,
): Check {
  if (!(error instanceof NativeError)) throw error;
  return { name, state, detail: error.message };
}
