/** Keeps the primary's copy of the state current. */
import type { Log } from "../../src/telemetry/log.ts";
import type { DrState, StateStore } from "../state/mod.ts";
import { pause } from "../waits.ts";
import { isOfCluster } from "./prepare.ts";

const LOOK_MS = 1_000;

/**
 * Whoever begins beside a returned primary may read its copy first, or only that.
 * Looks every second, which is one question, until the signal aborts.
 */
export async function keepCopy(
  store: Pick<StateStore, "renewCopy">,
  newest: () => DrState | null,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  for (; !signal.aborted; await pause(LOOK_MS, signal)) {
    const state = newest();
    if (state === null) continue;
    try {
      if (!await store.renewCopy(state, signal)) continue;
      log.info("the state on the primary was behind and is written there", {
        epoch: state.epoch,
      });
    } catch (error) {
      if (signal.aborted) return;
      // The primary's health tells more.
      if (!isOfCluster(error)) throw error;
      log.debug("the state on the primary is not known", { error });
    }
  }
}
