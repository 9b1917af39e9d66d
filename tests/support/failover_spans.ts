/** What a collector has got of a failover, and of the mirror before it. */
import assert from "node:assert/strict";
import { type OtlpReceiver, valuesOf } from "./otlp_receiver.ts";
import { eventually } from "./wait.ts";

const STEPS = ["fence", "seal", "drain", "outputs", "promote"];

/** @throws {AssertionError} */
export async function expectFailoverTraced(
  receiver: OtlpReceiver,
  reason: string,
): Promise<void> {
  const named = (name: string | RegExp) =>
    receiver.spans.map(({ item }) => item)
      .filter((each) => each.name.match(name)?.[0] === each.name);
  const [root, ...others] = named("failover");
  assert.ok(root !== undefined && others.length === 0);
  assert.equal(valuesOf(root.attributes)["switchyard.reason"], reason);
  const steps = named(/failover .*/);
  assert.deepEqual(steps.map(({ name }) => name), STEPS.map(stepName));
  for (const { parentSpanId, traceId } of steps) {
    assert.deepEqual([parentSpanId, traceId], [root.spanId, root.traceId]);
  }
  const commits = await eventually(() => {
    const commits = named(/commit switchyard-lanes.*/);
    return commits.length > 0 ? commits : null;
  }, { what: "exported" });
  for (const { attributes } of commits) {
    const { ["messaging.operation.name"]: operation, ...rest } = valuesOf(
      attributes,
    );
    assert.equal(operation, "commit");
    assert.equal(rest["switchyard.transaction"], true);
    assert.match(String(rest["messaging.destination.partition.id"]), /^[01]$/);
  }
  const records = commits.map(({ attributes }) =>
    Number(valuesOf(attributes)["messaging.batch.message_count"])
  );
  assert.ok(Math.max(...records) > 0);
}

const stepName = (step: string) => `failover ${step}`;
