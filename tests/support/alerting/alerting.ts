/**
 * Prometheus and Alertmanager as processes on loopback, with the rules and
 * settings of `deploy/prometheus`, whose times are divided, and other targets.
 */
import { stringify } from "yaml";
import { z } from "zod";
import { freePorts } from "../free_port.ts";
import { type GuardedProcess, startGuarded } from "../guarded_process.ts";
import { files, PROMETHEUS, read } from "../prometheus_rules.ts";
import type { PrometheusTools } from "../prometheus_tools.ts";
import { eventually } from "../wait.ts";
import { shorter, withShorterTimes } from "./shorter.ts";

/** The longest wait, for 10 s, on a machine that does much else. */
const WAIT_MS = 60_000;

export interface AlertingOptions {
  readonly tools: PrometheusTools;
  /** What all times of the files are divided by. */
  readonly divisor: number;
  /** `host:port` of each job; jobs without any are left out. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
  /** Gets what is sent to each receiver. */
  readonly receiverUrl: string;
  /** What of alerts is not as in the files, where that would take too long. */
  readonly edits?: Readonly<Record<string, AlertEdit>>;
}

export interface AlertEdit {
  /** The seconds or so that it fires above, where those are ten and more. */
  readonly above?: number;
  /** Is divided, too. */
  readonly for?: string;
}

const settings = z.looseObject({
  scrape_configs: z.array(z.looseObject({ job_name: z.string() })),
});
const ruleFile = z.looseObject({
  groups: z.array(z.looseObject({
    rules: z.array(z.looseObject({
      alert: z.string().optional(),
      expr: z.string(),
    })),
  })),
});
const receivers = z.looseObject({
  receivers: z.array(z.strictObject({ name: z.string() })),
});

const targetsAnswer = z.looseObject({
  data: z.looseObject({
    activeTargets: z.array(z.looseObject({ health: z.string() })),
  }),
});
const rulesAnswer = z.looseObject({
  data: z.looseObject({
    groups: z.array(z.looseObject({
      rules: z.array(z.looseObject({
        name: z.string(),
        health: z.enum(["ok", "unknown", "err"]),
        lastError: z.string().optional(),
      })),
    })),
  }),
});
const queryAnswer = z.looseObject({
  data: z.looseObject({
    result: z.array(z.looseObject({
      metric: z.record(z.string(), z.string()),
    })),
  }),
});
const alertsAnswer = z.array(z.looseObject({
  labels: z.record(z.string(), z.string()),
  status: z.looseObject({ inhibitedBy: z.array(z.string()) }),
}));

export type Rule = z.infer<
  typeof rulesAnswer
>["data"]["groups"][number]["rules"][number];

export class Alerting implements AsyncDisposable {
  static async start(options: AlertingOptions): Promise<Alerting> {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "switchyard-alerts-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const [prometheusPort, alertmanagerPort] = freePorts(2);
    const prometheus = `http://127.0.0.1:${prometheusPort}`;
    const alertmanager = `http://127.0.0.1:${alertmanagerPort}`;
    await writeFiles(folder, options, alertmanager);
    const { divisor, tools } = options;
    stack.use(
      new Server([
        tools.alertmanager,
        `--config.file=${folder}/alertmanager.yaml`,
        `--storage.path=${folder}/alertmanager`,
        `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
        "--cluster.listen-address=",
      ], `${folder}/alertmanager.log`),
    );
    stack.use(
      new Server([
        tools.prometheus,
        `--config.file=${folder}/prometheus.yaml`,
        `--storage.tsdb.path=${folder}/prometheus`,
        `--web.listen-address=127.0.0.1:${prometheusPort}`,
        // Their defaults, divided as well. Prometheus sees Alertmanager after
        // some seconds, and what it had to tell before comes again by this.
        `--query.lookback-delta=${shorter("5m", divisor)}`,
        `--rules.alert.resend-delay=${shorter("1m", divisor)}`,
      ], `${folder}/prometheus.log`),
    );
    for (const url of [alertmanager, prometheus]) {
      await eventually(() => isReady(url), { what: `ready: ${url}` });
    }
    return new Alerting(prometheus, alertmanager, stack.move());
  }

  readonly #prometheus: string;
  readonly #alertmanager: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    prometheus: string,
    alertmanager: string,
    stack: AsyncDisposableStack,
  ) {
    this.#prometheus = prometheus;
    this.#alertmanager = alertmanager;
    this.#stack = stack;
  }

  /** `up`, `down` or `unknown`, of each target. */
  async health(): Promise<string[]> {
    const answer = await get(`${this.#prometheus}/api/v1/targets`);
    return targetsAnswer.parse(answer).data.activeTargets
      .map(({ health }) => health);
  }

  async rules(): Promise<Rule[]> {
    const answer = await get(`${this.#prometheus}/api/v1/rules`);
    return rulesAnswer.parse(answer).data.groups.flatMap(({ rules }) => rules);
  }

  /** The labels of what there is. @throws {Error} where it is no query */
  async query(query: string): Promise<Readonly<Record<string, string>>[]> {
    const url = new URL("/api/v1/query", this.#prometheus);
    url.searchParams.set("query", query);
    return queryAnswer.parse(await get(url.href)).data.result
      .map(({ metric }) => metric);
  }

  /**
   * Resolves when an alert fires and nobody is told, since others say enough.
   * @throws {Error} where that does not come
   */
  async inhibited(alert: string): Promise<void> {
    await eventually(async () => {
      const alerts = alertsAnswer.parse(
        await get(`${this.#alertmanager}/api/v2/alerts`),
      ).filter(({ labels }) => labels["alertname"] === alert);
      return alerts.length > 0 &&
        alerts.every(({ status }) => status.inhibitedBy.length > 0);
    }, { what: `inhibited: ${alert}`, timeoutMs: WAIT_MS });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Killed at the end: what it has kept is removed anyway. */
class Server implements AsyncDisposable {
  readonly #process: GuardedProcess;

  constructor(command: readonly string[], logFile: string) {
    this.#process = startGuarded(command, { logFile });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.signal("SIGKILL");
    await this.#process.status;
  }
}

async function writeFiles(
  folder: string,
  { divisor, edits = {}, receiverUrl, targets }: AlertingOptions,
  alertmanager: string,
): Promise<void> {
  const write = (name: string, content: unknown) =>
    Deno.writeTextFile(
      `${folder}/${name}`,
      stringify(withShorterTimes(content, divisor)),
    );
  await Deno.mkdir(`${folder}/rules`);
  for (const file of files("rules")) {
    const rules = edited(ruleFile.parse(read(file)), edits);
    await write(`rules/${file.split("/").at(-1)}`, rules);
  }
  const prometheus = settings.parse(read(`${PROMETHEUS}/prometheus.yaml`));
  await write("prometheus.yaml", {
    ...prometheus,
    alerting: {
      alertmanagers: [{
        static_configs: [{ targets: [new URL(alertmanager).host] }],
      }],
    },
    scrape_configs: prometheus.scrape_configs.flatMap(({ job_name }) => {
      const those = targets[job_name] ?? [];
      return those.length === 0
        ? []
        : [{ job_name, static_configs: [{ targets: those }] }];
    }),
  });
  const manager = receivers.parse(read(`${PROMETHEUS}/alertmanager.yaml`));
  await write("alertmanager.yaml", {
    ...manager,
    receivers: manager.receivers.map(({ name }) => ({
      name,
      webhook_configs: [{ url: receiverUrl }],
    })),
  });
}

const edited = (
  { groups, ...file }: z.infer<typeof ruleFile>,
  edits: NonNullable<AlertingOptions["edits"]>,
): unknown => ({
  ...file,
  groups: groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => {
      const { above, ...others } = edits[rule.alert ?? ""] ?? {};
      if (above === undefined) return { ...rule, ...others };
      const expr = rule.expr.replace(/> \d{2,}/, `> ${above}`);
      return { ...rule, ...others, expr };
    }),
  })),
});

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/-/ready`);
  await response.body?.cancel();
  return response.ok;
}

async function get(url: string): Promise<unknown> {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${text}`);
  return JSON.parse(text);
}
