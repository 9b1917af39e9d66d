/** What people need of each alert beside its expression. */
import assert from "node:assert/strict";
import {
  readAlertTests,
  readInhibitions,
  readRules,
} from "../support/prometheus_rules.ts";

const { alerts } = readRules();
const names = new Set(alerts.map(({ alert }) => alert));
const docs = new URL("../../docs/", import.meta.url);
const read = (file: string) =>
  Deno.readTextFileSync(new URL(file, import.meta.url));
const runbooks = read("../../docs/runbooks.md");

Deno.test("the runbook of an alert is the section of its name", () => {
  const sections = new Set(anchorsOf(runbooks));
  for (const { alert, annotations } of alerts) {
    const anchor = alert.toLowerCase();
    assert.equal(annotations.runbook_url, `docs/runbooks.md#${anchor}`);
    assert.ok(sections.has(anchor), `no section ${alert} in docs/runbooks.md`);
  }
});

Deno.test("a section says the severities of its alert, and what to look at", () => {
  const sections = runbooks.split(/^### /m).slice(1);
  assert.deepEqual(
    sections.map((text) => text.split("\n")[0]).toSorted(),
    [...names].toSorted(),
  );
  for (const section of sections) {
    const name = section.split("\n")[0]!;
    const said = [...section.matchAll(/\*\*(page|ticket)\.?\*\*/g)]
      .map(([, severity]) => severity);
    const meant = alerts.filter(({ alert }) => alert === name)
      .map(({ labels }) => labels.severity);
    assert.deepEqual(new Set(said), new Set(meant), name);
    assert.equal(section.match(/^\d\. /gm)?.length, 3, name);
    assert.match(section, /^Do: /m, name);
  }
});

Deno.test("links in the runbooks lead somewhere", () => {
  for (const [, file, anchor] of runbooks.matchAll(/\]\(([^)#]*)#([^)]+)\)/g)) {
    const text = file === ""
      ? runbooks
      : Deno.readTextFileSync(new URL(file!, docs));
    assert.ok(anchorsOf(text).includes(anchor!), `${file}#${anchor}`);
  }
});

Deno.test("promtool tests that each alert fires, and that it can be silent", () => {
  const fired = new Set<string>();
  const silent = new Set<string>();
  for (const { alert_rule_test } of readAlertTests()) {
    for (const { alertname, exp_alerts = [] } of alert_rule_test) {
      assert.ok(names.has(alertname), `there is no alert ${alertname}`);
      if (exp_alerts.length === 0) silent.add(alertname);
      for (const { exp_labels } of exp_alerts) {
        fired.add(keyOf(alertname, exp_labels));
      }
    }
  }
  const all = alerts.map(({ alert, labels }) => keyOf(alert, labels));
  assert.deepEqual([...fired].toSorted(), [...new Set(all)].toSorted());
  assert.deepEqual([...silent].toSorted(), [...names].toSorted());
});

Deno.test("the runbooks say of each alert in which tests it is provoked", () => {
  const files = {
    pool: "alerting_test.ts",
    clusters: "alerting_clusters_test.ts",
  };
  const texts = Object.entries(files).map(([name, file]) =>
    [name, read(`../integration/${file}`)] as const
  );
  const really = [...names].map((alert) => {
    const those = texts.filter(([, text]) =>
      new RegExp(`(?:told|inhibited)\\([^)]*"${alert}"`).test(text)
    ).map(([name]) => name);
    return [alert, those.length > 1 ? "both" : those[0] ?? "no"];
  });
  const said = [...runbooks.matchAll(/^\| (\w+) +\| (\w+) +\| /gm)]
    .map(([, alert, where]) => [alert!, where!])
    .filter(([alert]) => alert !== "alert");
  assert.deepEqual(said.toSorted(), really.toSorted());
});

Deno.test("an alert that pages is silenced only by one that pages, and by none that is not", () => {
  const pages = new Set(
    alerts.filter(({ labels }) => labels.severity === "page")
      .map(({ alert }) => alert),
  );
  const inhibitions = readInhibitions()
    .map(({ source_matchers, target_matchers }) => ({
      sources: namedBy(source_matchers),
      targets: namedBy(target_matchers),
    }))
    .filter(({ sources }) => sources.length > 0);
  assert.ok(inhibitions.length > 0);
  for (const { sources, targets } of inhibitions) {
    for (const name of [...sources, ...targets]) {
      assert.ok(names.has(name), name);
    }
    if (!targets.some((name) => pages.has(name))) continue;
    for (const name of sources) assert.ok(pages.has(name), name);
  }
});

function namedBy(matchers: readonly string[]): string[] {
  return matchers.flatMap((matcher) =>
    /^alertname =~? "(.+)"$/.exec(matcher)?.[1]?.split("|") ?? []
  );
}

/** Rules of one name differ in these. */
const keyOf = (
  alert: string,
  { severity, role }: {
    severity?: string | undefined;
    role?: string | undefined;
  },
): string => `${alert} ${severity} ${role ?? ""}`;

/** As GitHub and GitLab make them. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!.toLowerCase().replaceAll(/[^\p{L}\p{N}\- ]/gu, "").replaceAll(
      " ",
      "-",
    )
  );
}
