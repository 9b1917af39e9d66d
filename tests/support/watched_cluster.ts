/** A prober of a test, and waiting for what it says. */
import {
  type HealthOptions,
  type HealthReport,
  PROBE_NAMES,
  Prober,
} from "../../dr/health/mod.ts";
import type { Health } from "../../dr/state/types.ts";
import {
  createLog,
  formatLine,
  type LogLine,
} from "../../src/telemetry/log.ts";
import type { ClientProperties } from "../../src/kafka/mod.ts";
import { library } from "./embedded.ts";
import { eventually } from "./wait.ts";

/**
 * In less time than the defaults, but for what Kafka needs to elect leaders,
 * which the embedded cluster never does.
 */
export const QUICK_HEALTH: HealthOptions = {
  thresholds: {
    brokers: { failures: 3, failingMs: 500, recoveringMs: 2_000 },
    metadata: { failures: 3, failingMs: 500, recoveringMs: 2_000 },
    partitions: { failures: 3, failingMs: 120_000, recoveringMs: 130_000 },
    "round-trip": {
      failures: 3,
      failingMs: 120_000,
      recoveringMs: 130_000,
    },
  },
  calmMs: 1_000,
  staleMs: 10_000,
};

export interface WatchOptions {
  readonly topics?: readonly string[];
  readonly properties?: ClientProperties;
  /** Default: what users get. */
  readonly health?: HealthOptions;
}

export class WatchedCluster implements AsyncDisposable {
  readonly prober: Prober;
  readonly lines: LogLine[] = [];
  /** In the order in which they were told. */
  readonly changes: Health[] = [];

  constructor(
    bootstrapServers: string,
    { health, properties, topics = [] }: WatchOptions = {},
  ) {
    const each = { ...properties, "bootstrap.servers": bootstrapServers };
    this.prober = new Prober({
      library,
      cluster: "primary",
      clients: { admin: each, producer: each, consumer: each },
      watchedTopics: () => topics,
      replicationFactor: 1,
      prober: "test",
      ...(health === undefined ? {} : { health }),
      onChange: ({ health }) => this.changes.push(health),
      log: createLog({
        level: "debug",
        write: (line) => this.lines.push(line),
      }),
    });
  }

  /** Resolves with the report that `holds`. */
  async until(
    what: string,
    holds: (report: HealthReport) => boolean,
  ): Promise<HealthReport> {
    try {
      return await eventually(() => {
        const { report } = this.prober;
        return holds(report) ? report : null;
      }, { what, timeoutMs: 120_000 });
    } catch (error) {
      const { health, reasons } = this.prober.report;
      console.error(health, reasons);
      console.error(this.lines.slice(-50).map(formatLine).join("\n"));
      throw error;
    }
  }

  becomes(health: Health): Promise<HealthReport> {
    return this.until(health, (report) => report.health === health);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.prober[Symbol.asyncDispose]();
  }
}

/** How the last attempt of each probe has ended. */
export const kindsOf = ({ probes }: HealthReport) =>
  PROBE_NAMES.map((name) => probes[name].last?.kind ?? null);
