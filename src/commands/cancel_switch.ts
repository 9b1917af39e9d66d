/** `--cancel` of `failover` and of `failback`. */
import { FailbackError, type OpenFailBack } from "../../dr/failback/mod.ts";
import { type ClusterName, other } from "../../dr/state/mod.ts";
import { print } from "./output.ts";

/** By which cluster is active. */
const ELSEWHERE: Readonly<Record<ClusterName, string>> = {
  primary: "the primary is active; failover --cancel gives a failover up",
  secondary:
    "the secondary is active; failback --cancel gives up what rests there",
};

/**
 * Gives up what rests while this cluster is active.
 * @throws as `giveUp`; {FailbackError} `refused`, where the other one is active.
 */
export async function cancelSwitch(
  parts: Pick<OpenFailBack, "cancel" | "latest">,
  active: ClusterName,
  { isJson, reason }: { readonly isJson: boolean; readonly reason: string },
  signal: AbortSignal,
): Promise<number> {
  const known = await parts.latest(signal);
  if (known?.active === other(active)) {
    throw new FailbackError("refused", ELSEWHERE[known.active]);
  }
  const state = await parts.cancel({ why: reason }, signal);
  const outcome = state === null ? "nothing" : "cancelled";
  print(
    isJson
      ? JSON.stringify({ outcome, state })
      : state === null
      ? "nothing to give up"
      : `given up: the ${state.active} is active, ${state.phase}`,
  );
  return 0;
}
