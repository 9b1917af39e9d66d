/** The native library, built where it is missing. */
import type { Settings } from "../config/mod.ts";
import { type Library, openLibrary, verifyLayout } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { missingFeatures } from "../kafka/native/features.ts";
import { ensureNative } from "../kafka/native/locate.ts";
import { progressWriter } from "../kafka/native/progress.ts";

/** @throws {NativeError} where it cannot be had, or lacks what is set. */
export async function openNative(
  settings: Settings,
  signal: AbortSignal,
): Promise<Library> {
  const native = await ensureNative({
    libraryPath: settings.libraryPath,
    onProgress: progressWriter(),
    signal,
  });
  const used = settings.secondary.brokers === null
    ? [settings.primary]
    : [settings.primary, settings.secondary];
  const missing = used.flatMap(({ consumer, kafka, producer }) =>
    missingFeatures(
      { ...kafka, ...consumer, ...producer } as Record<string, string>,
      native.features,
    )
  );
  if (missing.length > 0) throw new NativeError(missing.join("\n"));
  const library = openLibrary(native.path);
  await verifyLayout(library);
  return library;
}
