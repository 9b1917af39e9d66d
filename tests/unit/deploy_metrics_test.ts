/** Rules and dashboards ask only for what is exported. */
import assert from "node:assert/strict";
import {
  labelValues,
  queriesOf,
  readDashboards,
} from "../support/grafana_dashboards.ts";
import {
  type Catalogue,
  EXPORTERS,
  OURS,
  PROMETHEUS_OWN,
} from "../support/metric_catalogue.ts";
import { readAlertTests, readRules } from "../support/prometheus_rules.ts";
import { parsePromql } from "../support/promql.ts";

const { alerts, records } = readRules();
const boards = readDashboards();
/** What a scrape adds. */
const ADDED = ["job", "instance"];

const recorded: Catalogue = Object.fromEntries(
  records.map(({ record }) => [record, levelOf(record)]),
);
const known: Catalogue = {
  ...OURS,
  ...EXPORTERS,
  ...PROMETHEUS_OWN,
  ...recorded,
};

for (const { alert, expr } of alerts) {
  Deno.test(`the alert ${alert} asks only for what is exported`, () => {
    assertKnown(expr);
  });
}
for (const { record, expr } of records) {
  Deno.test(`the rule ${record} asks only for what is exported`, () => {
    assertKnown(expr);
  });
}
for (const [file, board] of boards) {
  Deno.test(`the dashboard ${file} asks only for what is exported`, () => {
    for (const query of queriesOf(board)) assertKnown(query);
    const [, ...variables] = board.templating.list;
    for (const { query } of variables) {
      const { metric, label } = labelValues(query.query);
      assert.ok(labelsOf(metric).has(label), `${metric} has no ${label}`);
    }
  });
}

Deno.test("a recorded metric has the labels that its name begins with", () => {
  for (const { record, expr } of records) {
    const { grouping } = parsePromql(expr);
    for (const label of levelOf(record)) {
      assert.ok(grouping.includes(label), `${record} has no ${label}`);
    }
  }
});

Deno.test("promtool's series are those of metrics that there are", () => {
  for (const { input_series, name } of readAlertTests()) {
    for (const { series } of input_series) {
      try {
        assertKnown(series);
      } catch (cause) {
        throw new Error(name, { cause });
      }
    }
  }
});

Deno.test("whatever the program exports is shown or alerted on", () => {
  const asked = new Set(
    [
      ...alerts.map(({ expr }) => expr),
      ...records.map(({ expr }) => expr),
      ...[...boards.values()].flatMap(queriesOf),
    ].flatMap((query) => parsePromql(query).selectors)
      .map(({ metric }) => familyOf(metric)),
  );
  const silent = Object.keys(OURS).map(familyOf)
    .filter((family) => !asked.has(family));
  assert.deepEqual(silent, []);
});

/** Of `group_topic:metric:sum`; what is one for all begins with our name. */
function levelOf(record: string): string[] {
  const [level] = record.split(":");
  return level === "switchyard" ? [] : level!.split("_");
}

const familyOf = (metric: string): string =>
  metric.replace(/_(bucket|sum|count)$/, "");

function assertKnown(query: string): void {
  const { selectors, grouping, made } = parsePromql(query);
  const labels = new Set(made);
  for (const { metric, labels: matched } of selectors) {
    const its = labelsOf(metric);
    for (const label of matched) {
      assert.ok(its.has(label), `${metric} has no label ${label}: ${query}`);
    }
    for (const label of its) labels.add(label);
  }
  for (const label of grouping) {
    assert.ok(labels.has(label), `nothing has a label ${label}: ${query}`);
  }
}

function labelsOf(metric: string): Set<string> {
  const labels = known[metric];
  assert.ok(labels !== undefined, `nobody exports ${metric}`);
  return new Set([...labels, ...ADDED]);
}
