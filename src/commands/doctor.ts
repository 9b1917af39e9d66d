import { brokerIdsProblem } from "../../dr/broker_ids.ts";
import {
  loadProcessSettings,
  type Settings,
  SettingsError,
} from "../config/mod.ts";
import { openLibrary, PropertyError } from "../kafka/mod.ts";
import {
  type Check,
  checkFeatures,
  checkNative,
} from "../kafka/native/checks.ts";
import { toolVersion } from "../kafka/native/compiler.ts";
import { installLines } from "../kafka/native/packages.ts";
import type { NativeLibrary } from "../kafka/native/locate.ts";
import { isAtLeast } from "../kafka/native/version.ts";
import { askBrokerIds } from "./cluster_pair.ts";
import { usageOf } from "./help.ts";
import { complain, print } from "./output.ts";
import { wordsOf } from "./words.ts";

const USAGE = usageOf("doctor");

/** What the code is written and tested for. */
const MINIMUM_DENO = "2.9";

/** Apache Kafka 4 runs on nothing older. */
const MINIMUM_JAVA = "17";

/**
 * Prints what is here and what lacks, with the lines that install it. Exit
 * status: 0 where nothing keeps commands from working, 1 where something does, 2
 * for wrong usage.
 */
export async function doctor(args: readonly string[]): Promise<number> {
  let json: boolean;
  try {
    const values = wordsOf(args, { json: { type: "boolean", default: false } });
    json = values.json;
  } catch (error) {
    const [problem] = (error as Error).message.split("\n");
    return complain(2, `${problem}; ${USAGE}`);
  }
  const checks = await examine();
  const ok = checks.every(({ state }) => state !== "missing");
  const install = installLines(
    checks.flatMap(({ state, component }) =>
      state !== "ok" && component !== undefined ? [component] : []
    ),
  );
  print(
    json
      ? JSON.stringify({ ok, checks, install }, null, 2)
      : render(checks, install, ok),
  );
  return ok ? 0 : 1;
}

async function examine(): Promise<Check[]> {
  const { settings, check } = readSettings();
  const native = await checkNative(settings?.libraryPath ?? null);
  const checks = [...checkRuntime(), check, ...native.checks];
  const { library } = native;
  if (settings !== null && library !== null) {
    for (const name of ["primary", "secondary"] as const) {
      checks.push(...checkFeatures(name, settings[name].kafka, library));
    }
    checks.push(...await checkPair(settings, library));
  }
  return [...checks, ...await checkTestTools()];
}

/** Where the settings have two clusters. */
async function checkPair(
  settings: Settings,
  { path }: NativeLibrary,
): Promise<Check[]> {
  const { primary, secondary } = settings;
  if (primary.brokers === null || secondary.brokers === null) return [];
  const brokers = { primary: primary.brokers, secondary: secondary.brokers };
  const name = "two clusters";
  try {
    const library = openLibrary(path);
    const ids = await askBrokerIds({ brokers, library, settings });
    const problem = brokerIdsProblem(ids);
    if (problem === null) {
      return [{ name, state: "ok", detail: "no broker id in common" }];
    }
    // A cluster that is down is no reason against anything here.
    const state = ids.kind === "unanswered" ? "note" : "missing";
    return [{ name, state, detail: problem }];
  } catch (error) {
    if (!(error instanceof PropertyError)) throw error;
    return [{ name, state: "missing", detail: error.message }];
  }
}

function readSettings(): { settings: Settings | null; check: Check } {
  const name = "settings";
  try {
    const { settings } = loadProcessSettings();
    return { settings, check: { name, state: "ok", detail: "valid" } };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const detail = error.message;
    return { settings: null, check: { name, state: "missing", detail } };
  }
}

function checkRuntime(): Check[] {
  const { deno, v8 } = Deno.version;
  const isRecent = isAtLeast(deno, MINIMUM_DENO);
  const { os, arch } = Deno.build;
  return [
    {
      name: "Deno",
      state: isRecent ? "ok" : "missing",
      detail: isRecent
        ? `${deno}, V8 ${v8}`
        : `${deno}, but ${MINIMUM_DENO} is needed: \`deno upgrade\``,
    },
    {
      name: "platform",
      state: "ok",
      detail: `${os} ${arch}, ${navigator.hardwareConcurrency} cores`,
    },
  ];
}

/** They run the brokers of the tests; `start` needs neither. */
async function checkTestTools(): Promise<Check[]> {
  const [java, maven] = await Promise.all([
    toolVersion(["java", "-version"]),
    toolVersion(["mvn", "--version"]),
  ]);
  const [, javaVersion = "0"] = /"([^"]+)"/.exec(java ?? "") ?? [];
  const isRecent = isAtLeast(javaVersion, MINIMUM_JAVA);
  return [
    {
      name: "Java",
      state: isRecent ? "ok" : "note",
      detail: isRecent
        ? `${java}`
        : `${java ?? "missing"}; tests need ${MINIMUM_JAVA} or later`,
      component: "java",
    },
    {
      name: "Maven",
      state: maven === null ? "note" : "ok",
      detail: maven ?? "missing; tests need it",
      component: "maven",
    },
  ];
}

function render(
  checks: readonly Check[],
  install: readonly string[],
  ok: boolean,
): string {
  const marks = { ok: "ok  ", note: "note", missing: "LACK" };
  const width = Math.max(...checks.map(({ name }) => name.length));
  const indent = `\n${" ".repeat(width + 8)}`;
  return [
    ...checks.map(({ name, state, detail }) =>
      `${marks[state]}  ${name.padEnd(width)}  ${
        detail.replaceAll("\n", indent)
      }`
    ),
    "",
    ok ? "`deno task start` will work." : "Something lacks: see above.",
    ...(install.length > 0 ? ["To install what is missing:"] : []),
    ...install.map((line) => `  ${line}`),
  ].join("\n");
}
