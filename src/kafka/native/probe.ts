import { NativeError } from "./error.ts";

export type LibraryFacts = Readonly<{
  /** As in `2.15.1`. */
  version: string;
  /** librdkafka's 0xMMmmrrxx, which orders as the versions do. */
  versionNumber: number;
  /** `builtin.features`: ssl, sasl_scram, zstd, ... */
  features: readonly string[];
  /** Those of the symbols asked for that the library does not have. */
  missingSymbols: readonly string[];
}>;

const SYMBOLS = {
  rd_kafka_version: { parameters: [], result: "i32" },
  rd_kafka_version_str: { parameters: [], result: "pointer" },
  rd_kafka_conf_new: { parameters: [], result: "pointer" },
  rd_kafka_conf_get: {
    parameters: ["pointer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  rd_kafka_conf_destroy: { parameters: ["pointer"], result: "void" },
} as const;

/**
 * Opens the library, asks what it is, and closes it again.
 *
 * @param path a file, or a name that the dynamic linker knows
 * @throws NativeError if it does not open or is not librdkafka
 */
export function probeLibrary(
  path: string,
  symbols: readonly string[] = [],
): LibraryFacts {
  const library = open(path, SYMBOLS);
  try {
    const { symbols: call } = library;
    const version = call.rd_kafka_version_str();
    return {
      version: version === null
        ? "unknown"
        : Deno.UnsafePointerView.getCString(version),
      versionNumber: call.rd_kafka_version(),
      features: readFeatures(call),
      missingSymbols: missingSymbols(path, symbols),
    };
  } finally {
    library.close();
  }
}

/** As `probeLibrary`, but null for what is not there or does not open. */
export function probeIfUsable(
  path: string,
  symbols: readonly string[] = [],
): LibraryFacts | null {
  try {
    return probeLibrary(path, symbols);
  } catch (error) {
    if (error instanceof NativeError) return null;
    throw error;
  }
}

function readFeatures(
  call: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"],
): string[] {
  const configuration = call.rd_kafka_conf_new();
  const text = new Uint8Array(4096);
  const size = new BigUint64Array([BigInt(text.length)]);
  const name = new TextEncoder().encode("builtin.features\0");
  const result = call.rd_kafka_conf_get(configuration, name, text, size);
  call.rd_kafka_conf_destroy(configuration);
  if (result !== 0) throw new NativeError("librdkafka has no builtin.features");
  return new TextDecoder().decode(text.subarray(0, text.indexOf(0)))
    .split(",").map((feature) => feature.trim()).filter(Boolean);
}

function missingSymbols(path: string, names: readonly string[]): string[] {
  const declared: Record<string, Deno.ForeignFunction> = {};
  for (const name of names) {
    declared[name] = { parameters: [], result: "void", optional: true };
  }
  const library = open(path, declared);
  try {
    const found: Record<string, unknown> = library.symbols;
    return names.filter((name) => found[name] === null);
  } finally {
    library.close();
  }
}

function open<S extends Deno.ForeignLibraryInterface>(
  path: string,
  symbols: S,
): Deno.DynamicLibrary<S> {
  try {
    return Deno.dlopen(path, symbols);
  } catch (cause) {
    const { message } = cause as Error;
    const [, symbol] = /register symbol (\w+)/.exec(message) ?? [];
    const reason = symbol === undefined
      ? message.replaceAll("Could not open library: ", "")
        .replace(`${path}: `, "")
      : `it has no ${symbol}, so it is not librdkafka`;
    throw new NativeError(`cannot open ${path}: ${reason}`, { cause });
  }
}
