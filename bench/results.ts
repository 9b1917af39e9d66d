/** What becomes of a run's figures. */
import { describeMachine } from "./machine.ts";
import { resultsFolder } from "./paths.ts";
import type { Context } from "./report.ts";

export async function describe(): Promise<Context> {
  return {
    command: ["deno task bench", ...Deno.args].join(" "),
    date: new Date().toISOString().slice(0, 10),
    machine: await describeMachine(),
  };
}

/** As JSON, for later questions. */
export async function keep(name: string, result: unknown): Promise<void> {
  const file = `${resultsFolder}/${name}.json`;
  await Deno.writeTextFile(file, `${JSON.stringify(result, null, 2)}\n`);
}

export function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
