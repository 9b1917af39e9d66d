/**
 * Opens librdkafka on this thread. Every thread opens it for itself (the
 * operating system maps it once), so addresses mean the same on all of them.
 */
import { CORE_SYMBOLS, type CoreSymbols } from "./symbols.ts";
import { cString, readCString } from "./memory.ts";

export interface Library {
  readonly path: string;
  readonly version: string;
  readonly symbols: CoreSymbols;
}

const opened = new Map<string, Library>();
const RTLD_NOW = 2;
/** Of `openssl/crypto.h`. */
const OPENSSL_INIT_NO_ATEXIT = 0x0008_0000n;

/**
 * Opens the library at `path` (see `native/locate.ts` for finding it).
 * @throws {Error} when it does not load or lacks a function.
 */
export function openLibrary(path: string): Library {
  const known = opened.get(path);
  if (known !== undefined) return known;
  let symbols: CoreSymbols;
  try {
    symbols = Deno.dlopen(path, CORE_SYMBOLS).symbols;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot use librdkafka at ${path}: ${why}`, { cause });
  }
  // Opened once more past Deno, which closes a thread's libraries when the
  // thread ends, and so would unload this one with all that it depends on.
  symbols.dlopen(cString(path), RTLD_NOW);
  // Before librdkafka does it. At the end of the process OpenSSL would free what
  // belongs to threads, while Deno's threads, on which librdkafka was called, end
  // and free it as well: one process of 200 was aborted so.
  symbols.OPENSSL_init_crypto?.(OPENSSL_INIT_NO_ATEXIT, null);
  const version = readCString(symbols.rd_kafka_version_str()) ?? "unknown";
  const library = { path, version, symbols };
  opened.set(path, library);
  return library;
}
