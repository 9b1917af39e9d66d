/** What `deploy/prometheus` says, as plain data. */
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";

export const PROMETHEUS = fileURLToPath(
  new URL("../../deploy/prometheus", import.meta.url),
);

const alert = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({
    severity: z.enum(["page", "ticket"]),
    role: z.string().optional(),
  }),
  annotations: z.strictObject({
    summary: z.string(),
    description: z.string(),
    runbook_url: z.string(),
  }),
});
const record = z.strictObject({ record: z.string(), expr: z.string() });
const rulesFile = z.strictObject({
  groups: z.array(z.strictObject({
    name: z.string(),
    rules: z.array(z.union([alert, record])),
  })),
});

const labels = z.record(z.string(), z.string());
const testFile = z.strictObject({
  rule_files: z.array(z.string()),
  evaluation_interval: z.string(),
  tests: z.array(z.strictObject({
    name: z.string(),
    interval: z.string(),
    input_series: z.array(z.strictObject({
      series: z.string(),
      values: z.union([z.string(), z.number()]),
    })),
    alert_rule_test: z.array(z.strictObject({
      alertname: z.string(),
      eval_time: z.string(),
      exp_alerts: z.array(z.strictObject({
        exp_labels: labels,
        exp_annotations: labels,
      })).optional(),
    })),
  })),
});

const alertmanagerFile = z.looseObject({
  inhibit_rules: z.array(z.strictObject({
    source_matchers: z.array(z.string()),
    target_matchers: z.array(z.string()),
    equal: z.array(z.string()).optional(),
  })),
});

export type Alert = z.infer<typeof alert>;
export type RecordingRule = z.infer<typeof record>;
export type AlertTest = z.infer<typeof testFile>["tests"][number];

interface Rules {
  readonly alerts: readonly Alert[];
  readonly records: readonly RecordingRule[];
}

export function readRules(): Rules {
  const rules = files("rules").flatMap((path) =>
    rulesFile.parse(read(path)).groups.flatMap(({ rules }) => rules)
  );
  return {
    alerts: rules.filter((each) => "alert" in each),
    records: rules.filter((each) => "record" in each),
  };
}

export const readAlertTests = (): AlertTest[] =>
  files("tests").flatMap((path) => testFile.parse(read(path)).tests);

export const readInhibitions = () =>
  alertmanagerFile.parse(read(`${PROMETHEUS}/alertmanager.yaml`)).inhibit_rules;

/** Absolute paths of the YAML files of a folder below `deploy/prometheus`. */
export function files(folder: string): string[] {
  return Deno.readDirSync(`${PROMETHEUS}/${folder}`)
    .map(({ name }) => name)
    .filter((name) => name.endsWith(".yaml"))
    .toArray().sort()
    .map((name) => `${PROMETHEUS}/${folder}/${name}`);
}

export const read = (path: string): unknown =>
  parse(Deno.readTextFileSync(path));
