/** Where figures come from: they mean nothing without it. */
import { javaVersion } from "../tests/support/java_version.ts";
import { nodeProgram } from "./paths.ts";
import { run } from "./shell.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly os: string;
  readonly java: string;
  readonly node: string | null;
  readonly deno: string;
  /** Of the last minute: near 0, or somebody else used the machine. */
  readonly load: number;
}

export async function describeMachine(): Promise<Machine> {
  const info = await Deno.readTextFile("/proc/cpuinfo");
  return {
    cpu: /^model name\s*:\s*(.+)$/m.exec(info)?.[1] ?? "unknown",
    cores: navigator.hardwareConcurrency,
    memoryGb: Math.round(Deno.systemMemoryInfo().total / 2 ** 30),
    os: `Linux ${Deno.osRelease()}`,
    java: /version "([^"]+)"/.exec(javaVersion()?.text ?? "")?.[1] ?? "none",
    node: await nodeVersion(),
    deno: Deno.version.deno,
    load: Deno.loadavg()[0] ?? NaN,
  };
}

async function nodeVersion(): Promise<string | null> {
  try {
    return (await run([nodeProgram, "--version"])).trim().replace("v", "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
