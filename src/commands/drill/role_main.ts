/** A command as a role of a drill: it ends with the drill, however that ends. */
import { drill } from "../drill.ts";
import { failback } from "../failback.ts";
import { failover } from "../failover.ts";
import { mirror } from "../mirror.ts";
import { sentinel } from "../sentinel.ts";
import { start } from "../start.ts";

const COMMANDS = {
  drill,
  failback,
  failover,
  mirror,
  sentinel,
  start,
} as const;

async function endWithDrill(): Promise<void> {
  // The other end of this pipe is the drill's.
  for await (const _ of Deno.stdin.readable);
  Deno.exit(1);
}

const [name, ...rest] = Deno.args;
void endWithDrill();
Deno.exit(await COMMANDS[name as keyof typeof COMMANDS](rest));
