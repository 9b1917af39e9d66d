import { CORE_SYMBOLS } from "../symbols.ts";
import { buildNative, type BuildOptions, builtPath } from "./build.ts";
import { NativeError } from "./error.ts";
import { platform } from "./platform.ts";
import { type LibraryFacts, probeIfUsable, probeLibrary } from "./probe.ts";
import { librarySource } from "./source.ts";
import { isAtLeast } from "./version.ts";

/** A librdkafka that Switchyard can use. */
export type NativeLibrary = Readonly<{
  /** A file, or a name that the dynamic linker knows. */
  path: string;
  origin: "settings" | "built" | "system";
  /** As in `2.15.1`. */
  version: string;
  /** librdkafka's 0xMMmmrrxx. */
  versionNumber: number;
  /** `builtin.features`: ssl, sasl_scram, zstd, ... */
  features: readonly string[];
}>;

export type LocateOptions =
  & Readonly<{
    /** From the settings: this library and no other. */
    libraryPath?: string | null | undefined;
    /**
     * What will be called; a library that lacks one of them is refused.
     * By default all that the binding declares.
     */
    symbols?: readonly string[] | undefined;
  }>
  & Pick<BuildOptions, "onProgress" | "signal" | "source" | "home">;

/** The C names: the binding declares some functions twice. */
const BINDING = Object.entries(CORE_SYMBOLS).map(([key, declared]) =>
  "name" in declared ? declared.name : key
);

const MINIMUM = "2.8";

/** From librdkafka's CHANGELOG.md. */
const WHY_NOT_OLDER =
  "Switchyard needs 2.8 or later: up to 2.3 there is no group.protocol=consumer " +
  "and a rebalance may repeat records, 2.2 to 2.4 may fail to repeat a batch " +
  "idempotently, 2.5 may stop fetching, 2.6 does not say who it is in its group";

/**
 * The library to use: that of the settings, the built one, the system's, or
 * else one that is built now.
 *
 * @throws NativeError if the settings' one cannot be used, or none be built
 */
export async function ensureNative(
  options: LocateOptions = {},
): Promise<NativeLibrary> {
  const { library, refused } = findNative(options);
  if (library !== null) return library;
  try {
    const path = await buildNative(options);
    return useLibrary(path, "built", options.symbols ?? BINDING);
  } catch (cause) {
    if (!(cause instanceof NativeError) || refused.length === 0) throw cause;
    throw new NativeError([cause.message, ...refused].join("\n"), { cause });
  }
}

/**
 * The library that stands ready, and why others that stand there are refused.
 *
 * @throws NativeError if the settings' one cannot be used
 */
export function findNative(
  { libraryPath, symbols = BINDING, source, home }: LocateOptions = {},
): { library: NativeLibrary | null; refused: string[] } {
  if (typeof libraryPath === "string") {
    try {
      const library = useLibrary(libraryPath, "settings", symbols);
      return { library, refused: [] };
    } catch (cause) {
      if (!(cause instanceof NativeError)) throw cause;
      throw new NativeError(
        `${cause.message} (from libraryPath in the settings)`,
        { cause },
      );
    }
  }
  const candidates: [string, "built" | "system"][] = [];
  const version = source?.version ?? sourceVersion();
  if (version !== null) candidates.push([builtPath(version, home), "built"]);
  for (const name of platform().systemLibraries) {
    candidates.push([name, "system"]);
  }
  const refused: string[] = [];
  for (const [path, origin] of candidates) {
    const facts = probeIfUsable(path, symbols);
    if (facts === null) continue;
    const objection = objectionTo(facts);
    if (objection === null) {
      return { library: describe(path, origin, facts), refused };
    }
    refused.push(`The ${origin} librdkafka ${objection}`);
  }
  return { library: null, refused };
}

function useLibrary(
  path: string,
  origin: NativeLibrary["origin"],
  symbols: readonly string[],
): NativeLibrary {
  const facts = probeLibrary(path, symbols);
  const objection = objectionTo(facts);
  if (objection === null) return describe(path, origin, facts);
  throw new NativeError(`The librdkafka at ${path} ${objection}`);
}

function objectionTo(facts: LibraryFacts): string | null {
  const { version, missingSymbols } = facts;
  if (!isAtLeast(version, MINIMUM)) {
    return `is ${version}. ${WHY_NOT_OLDER}.`;
  }
  if (missingSymbols.length > 0) {
    return `(${version}) lacks functions that Switchyard calls: ${
      missingSymbols.join(", ")
    }.`;
  }
  return null;
}

/** Without the npm package the system's library is still of use. */
function sourceVersion(): string | null {
  try {
    return librarySource().version;
  } catch (error) {
    if (error instanceof NativeError) return null;
    throw error;
  }
}

function describe(
  path: string,
  origin: NativeLibrary["origin"],
  { version, versionNumber, features }: LibraryFacts,
): NativeLibrary {
  return { path, origin, version, versionNumber, features };
}
