/** What a step does, as a user reads it. Pure. */
import type { Fault, Step } from "./types.ts";

export const stepText = (step: Step): string =>
  "command" in step ? step.command : faultText(step.fault);

export function faultText(fault: Fault): string {
  switch (fault.kind) {
    case "kill":
    case "hang":
      return `${fault.kind} ${fault.cluster}`;
    case "slow":
      return `slow ${fault.cluster} by ${fault.delayMs} ms`;
    case "cut":
      return `cut ${fault.cluster} from ${fault.from.join(", ")}`;
    case "crash":
    case "freeze":
      return `${fault.kind} ${fault.role}`;
  }
}
