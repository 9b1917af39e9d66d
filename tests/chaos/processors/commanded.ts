/**
 * The reference processor, that misbehaves on command: a file with the name of
 * the instance in the folder `CHAOS_COMMANDS`. The first thread that sees it
 * removes it and obeys.
 */
import login from "../../../workers/processors/user_login.ts";
import type { Command } from "./command.ts";

const folder = Deno.env.get("CHAOS_COMMANDS");
const file = `${folder}/${Deno.env.get("INSTANCE_ID")}`;
const lookEveryMs = 100;

let hangMs = 0;
let waits = false;

if (folder !== undefined) {
  Deno.unrefTimer(setInterval(obey, lookEveryMs));
}

const commanded: typeof login = {
  ...login,
  process(record, context) {
    if (hangMs > 0) hang();
    if (waits) return never();
    return login.process(record, context);
  },
};
export default commanded;

function obey(): void {
  const command = take();
  switch (command?.kind) {
    case undefined:
      return;
    case "crash":
      throw new Error("crashed on command");
    case "hang":
      // In a handler, where user code may be: the watchdog judges only that.
      hangMs = command.hangMs;
      return;
    case "wait":
      waits = true;
      return;
    default:
      command satisfies never;
  }
}

function never(): Promise<never> {
  waits = false;
  return new Promise<never>(() => {});
}

function hang(): void {
  const endMs = performance.now() + hangMs;
  hangMs = 0;
  while (performance.now() < endMs);
}

function take(): Command | undefined {
  try {
    const command: Command = JSON.parse(Deno.readTextFileSync(file));
    Deno.removeSync(file);
    return command;
  } catch (error) {
    // There is none, or another thread was faster.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
