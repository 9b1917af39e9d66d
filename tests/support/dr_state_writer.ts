/**
 * Changes the state again and again until it is killed, and says each epoch
 * that it has written. Its arguments: the servers of both clusters, and a name.
 */
import { StateStore } from "../../dr/state/mod.ts";
import { insist, stateClusters, TIMINGS } from "./dr_state.ts";

const [primary, secondary, name] = Deno.args as [string, string, string];
await using stack = new AsyncDisposableStack();
const clusters = stateClusters(stack, { primary, secondary });
await using store = new StateStore({ ...clusters, timings: TIMINGS });
const { signal } = new AbortController();
for (let count = 0;; count++) {
  const { epoch } = await insist(store, `${name} ${count}`, signal);
  console.log(`wrote ${epoch}`);
}
