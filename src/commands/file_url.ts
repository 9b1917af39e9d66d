import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** The URL of a module, given as URL or as path from the current folder. */
export function toFileUrl(module: string): string {
  return module.startsWith("file:")
    ? module
    : pathToFileURL(resolve(module)).href;
}
