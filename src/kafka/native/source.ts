import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { NativeError } from "./error.ts";

export type LibrarySource = Readonly<{
  /** Version of librdkafka, as in `2.15.1`. */
  version: string;
  /** Folder with its `configure`. Never written to: npm's files are shared. */
  folder: string;
  /** The npm package that brought it, as in `name 1.10.1`. */
  origin: string;
}>;

const PACKAGE = "@confluentinc/kafka-javascript";

/** Throws a `NativeError` if the npm package is not installed. */
export function librarySource(): LibrarySource {
  const require = createRequire(import.meta.url);
  let manifest: string;
  try {
    manifest = require.resolve(`${PACKAGE}/package.json`);
  } catch {
    throw new NativeError(
      `The npm package ${PACKAGE}, which brings librdkafka's source, is not installed: run \`deno install\` in the project's folder.`,
    );
  }
  const { version, librdkafka } = require(manifest) as {
    version: string;
    librdkafka: string;
  };
  return {
    version: librdkafka,
    folder: join(dirname(manifest), "deps", "librdkafka"),
    origin: `${PACKAGE} ${version}`,
  };
}
