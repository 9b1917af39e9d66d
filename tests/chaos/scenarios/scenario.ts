/** What scenarios share: a stage, and a judgement in the end. */
import assert from "node:assert/strict";
import { formatReport } from "../../checker/mod.ts";
import { realKafkaTest } from "../../support/require_java.ts";
import { seed } from "../../support/soak.ts";
import { guarantees } from "../guarantees.ts";
import type { LoadCounts } from "../generator.ts";
import { type Guarantee, Stage, type StageOptions } from "../stage.ts";

export interface ScenarioOptions
  extends Omit<StageOptions, "name" | "seed" | "guarantee" | "log"> {
  /** For everything to be committed in the end. */
  readonly drainTimeoutMs: number;
}

/** Ends the load that it began, and returns what came of that. */
export type Scenario = (
  stage: Stage,
  guarantee: Guarantee,
) => Promise<LoadCounts>;

/**
 * Registers one test for each guarantee: after `run` everything must be committed
 * and the checker find nothing. Logs and history stay when it fails.
 */
export function scenario(
  name: string,
  options: ScenarioOptions,
  run: Scenario,
): void {
  for (const guarantee of guarantees) {
    realKafkaTest(`${name}, ${guarantee}`, async () => {
      await using stage = await Stage.start({
        ...options,
        name: "scenario",
        seed,
        guarantee,
        log: (text) => console.log(text),
      });
      try {
        const { acknowledged } = await run(stage, guarantee);
        await stage.drained(acknowledged, options.drainTimeoutMs);
        await Promise.all(stage.instances.all.map((each) => each.stop()));
        const report = await stage.check();
        console.log(formatReport(report));
        assert.deepEqual(report.anomalies, []);
      } catch (error) {
        stage.keep();
        throw error;
      }
    });
  }
}
