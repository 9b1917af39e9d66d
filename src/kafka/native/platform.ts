import { NativeError } from "./error.ts";

/** What differs between the operating systems that can run Switchyard. */
export type Platform = Readonly<{
  os: "linux" | "darwin";
  arch: "x86_64" | "aarch64";
  /** The file that librdkafka's own Makefile makes. */
  makeTarget: string;
  /** The file that we keep. */
  libraryFile: string;
  /** What to ask the dynamic linker for, in this order. */
  systemLibraries: readonly string[];
}>;

/** Throws a `NativeError` where Switchyard does not run. */
export function platform(
  os: string = Deno.build.os,
  arch: string = Deno.build.arch,
): Platform {
  if (arch !== "x86_64" && arch !== "aarch64") {
    throw new NativeError(
      `Switchyard runs on x86-64 and arm64, not on ${arch}.`,
    );
  }
  switch (os) {
    case "linux":
      return {
        os,
        arch,
        makeTarget: "librdkafka.so.1",
        libraryFile: "librdkafka.so",
        systemLibraries: ["librdkafka.so.1"],
      };
    case "darwin":
      return {
        os,
        arch,
        makeTarget: "librdkafka.1.dylib",
        libraryFile: "librdkafka.dylib",
        // The linker searches /usr/local/lib by itself, but not Homebrew's
        // folder on Apple silicon.
        systemLibraries: [
          "librdkafka.1.dylib",
          "/opt/homebrew/lib/librdkafka.1.dylib",
        ],
      };
    case "windows":
      throw new NativeError(
        "Switchyard does not run on Windows itself: use WSL 2 (`wsl --install`), where it runs as on Linux.",
      );
    default:
      throw new NativeError(
        `Switchyard runs on Linux and macOS, not on ${os}.`,
      );
  }
}
