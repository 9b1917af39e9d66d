/** What Prometheus' and Alertmanager's own tools say of `deploy/prometheus`. */
import assert from "node:assert/strict";
import { files, PROMETHEUS } from "../support/prometheus_rules.ts";
import { prometheusTest } from "../support/prometheus_tools.ts";

prometheusTest(
  "each alert fires on its cause, not before its time, and not while all is well",
  async ({ promtool }) => {
    await succeeds(promtool, "test", "rules", ...files("tests"));
  },
);

prometheusTest("the rules are free of faults", async ({ promtool }) => {
  await succeeds(
    promtool,
    ...["check", "rules", "--lint=all", "--lint-fatal"],
    ...files("rules"),
  );
});

prometheusTest("Prometheus takes its settings", async ({ promtool }) => {
  await succeeds(promtool, "check", "config", `${PROMETHEUS}/prometheus.yaml`);
});

prometheusTest("Alertmanager takes its settings", async ({ amtool }) => {
  await succeeds(amtool, "check-config", `${PROMETHEUS}/alertmanager.yaml`);
});

async function succeeds(program: string, ...args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assert.ok(success, decoder.decode(stdout) + decoder.decode(stderr));
}
