/** The span of a decision, which takes no time. */
import {
  spanNow,
  type SpanRecorder,
} from "../../src/telemetry/span_recorder.ts";
import type { SpanAttributes } from "../../src/telemetry/spans.ts";
import type { Decision } from "./decide.ts";

/** To be told of each decision that is another one than before. */
export function decided(
  spans: SpanRecorder | null | undefined,
  decision: Decision,
): void {
  if (spans === null || spans === undefined) return;
  const nowMs = spanNow();
  spans.ended({
    name: `sentinel decides ${decision.kind}`,
    startMs: nowMs,
    endMs: nowMs,
    attributes: attributesOf(decision),
  });
}

function attributesOf(decision: Decision): SpanAttributes {
  switch (decision.kind) {
    case "stay":
      return {};
    case "advise":
    case "fail-over":
      return {
        "switchyard.cluster": decision.to,
        "switchyard.epoch": decision.epoch,
        "switchyard.reason": decision.reason,
      };
    case "refuse":
      return {
        "switchyard.reason": decision.reason,
        "switchyard.because": decision.because,
      };
  }
}
