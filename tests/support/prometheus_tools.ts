/** Prometheus and Alertmanager as Debian has them, and tests that need them. */
import { needingTest, onPath } from "./needs.ts";

/** Debian's names of Alertmanager differ from its own. */
const ALERTMANAGERS = ["prometheus-alertmanager", "alertmanager"];

export interface PrometheusTools {
  readonly prometheus: string;
  readonly promtool: string;
  readonly alertmanager: string;
  readonly amtool: string;
}

/** Paths of the programs; undefined: at least one is missing. */
export function prometheusTools(): PrometheusTools | undefined {
  const prometheus = onPath("prometheus");
  const promtool = onPath("promtool");
  const alertmanager = ALERTMANAGERS.map(onPath)
    .find((path) => path !== undefined);
  const amtool = onPath("amtool");
  return prometheus && promtool && alertmanager && amtool
    ? { prometheus, promtool, alertmanager, amtool }
    : undefined;
}

/** What to install, or nothing. */
export function missingForPrometheus(): string | undefined {
  return prometheusTools() === undefined
    ? "Prometheus or Alertmanager is missing; install both with: " +
      (Deno.build.os === "darwin"
        ? "brew install prometheus alertmanager"
        : "apt-get install prometheus prometheus-alertmanager")
    : undefined;
}

/** Registers a test that runs them. */
export function prometheusTest(
  name: string,
  test: (tools: PrometheusTools) => Promise<void>,
): void {
  needingTest(missingForPrometheus(), name, () => test(prometheusTools()!));
}
