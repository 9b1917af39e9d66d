/** Watches one cluster: all probes, and the health that follows from them. */
import type {
  ClientProperties,
  ConsumerProperties,
  Library,
  ProducerProperties,
} from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { ClusterName, Health } from "../state/types.ts";
import { metadataProbe, partitionsProbe } from "./admin_probes.ts";
import { brokersProbe } from "./brokers_probe.ts";
import {
  checkHealthOptions,
  HEALTH_DEFAULTS,
  type HealthHistory,
  healthOf,
  type HealthOptions,
  NO_HISTORY,
  observe,
} from "./hysteresis.ts";
import {
  bootstrapOf,
  type KnownBrokers,
  nameBrokers,
} from "./known_brokers.ts";
import {
  PROBE_NAMES,
  type ProbeName,
  type ProbeResult,
  type ProbeSession,
} from "./probe.ts";
import { ProbeLoop, type ProbeTiming } from "./probe_loop.ts";
import { RoundTripSession } from "./round_trip_probe.ts";

export type ProbeTimings = Readonly<Record<ProbeName, ProbeTiming>>;

/** Together with `HEALTH_DEFAULTS` these decide how soon an outage is seen. */
export const PROBE_TIMINGS: ProbeTimings = {
  brokers: { everyMs: 500, timeoutMs: 800 },
  metadata: { everyMs: 500, timeoutMs: 900 },
  partitions: { everyMs: 2_000, timeoutMs: 2_000 },
  "round-trip": { everyMs: 1_000, timeoutMs: 2_000 },
};

export interface ProberOptions {
  readonly library: Library;
  readonly cluster: ClusterName;
  /** How clients of the cluster are made. */
  readonly clients: {
    readonly admin: ClientProperties;
    readonly producer: ProducerProperties;
    readonly consumer: ConsumerProperties;
  };
  /** Topics whose leaders matter, as they are now; may be none. */
  readonly watchedTopics: () => readonly string[];
  /** Of the probe topic, where it is missing; null: the broker's default. */
  readonly replicationFactor: number | null;
  /** Who probes: part of the records of the probe topic. */
  readonly prober: string;
  readonly health?: HealthOptions;
  readonly timings?: ProbeTimings;
  /** Called with each change that a result brings; that it is stale, none does. */
  readonly onChange?: (report: HealthReport, before: Health) => void;
  /** Milliseconds of a clock that does not go back. */
  readonly now?: () => number;
  readonly log: Log;
}

/** Plain data, for votes and for people. */
export interface HealthReport {
  readonly cluster: ClusterName;
  readonly health: Health;
  readonly probes: HealthHistory;
  /** Why it is not healthy, or what else is to be seen; a line each. */
  readonly reasons: readonly string[];
  /** Since it was last seen to answer clients, in ms; null: it never was. */
  readonly sincePassedMs: number | null;
}

/** So much of a time-out is a request's own: then it says more than we can. */
const SHARE = 0.9;

export class Prober implements AsyncDisposable {
  /** Rejects with a bug, never because of a cluster. */
  readonly ended: Promise<void>;
  readonly #options: ProberOptions;
  readonly #health: HealthOptions;
  readonly #now: () => number;
  readonly #log: Log;
  readonly #loops: readonly ProbeLoop[];
  #brokers: KnownBrokers = [];
  #history: HealthHistory = NO_HISTORY;
  #known: Health = "unknown";

  /**
   * Begins at once.
   * @throws {RangeError} for options that cannot work.
   * @throws {PropertyError} where clients cannot be made.
   */
  constructor(options: ProberOptions) {
    this.#options = options;
    this.#health = options.health ?? HEALTH_DEFAULTS;
    checkHealthOptions(this.#health);
    this.#now = options.now ?? (() => performance.now());
    this.#log = options.log.child({ cluster: options.cluster });
    const timings = options.timings ?? PROBE_TIMINGS;
    using opened = new DisposableStack();
    const loops: ProbeLoop[] = [];
    // Where the second cannot be opened the first must not go on.
    opened.defer(() =>
      loops.forEach((each) => void each[Symbol.asyncDispose]())
    );
    for (const name of PROBE_NAMES) {
      const open = this.#opener(name, timings[name]);
      loops.push(
        new ProbeLoop({
          ...timings[name],
          open,
          now: this.#now,
          told: (result) => this.#told(name, result),
        }),
      );
    }
    opened.move();
    this.#loops = loops;
    this.ended = Promise.all(loops.map(({ ended }) => ended)).then(() => {});
    this.ended.catch(() => {}); // whoever awaits it has the error
  }

  get health(): Health {
    return healthOf(this.#history, this.#now(), this.#health);
  }

  get report(): HealthReport {
    const passedMs = Math.max(
      ...(["metadata", "round-trip"] as const).map((name) =>
        this.#history[name].passedMs ?? -Infinity
      ),
    );
    return {
      cluster: this.#options.cluster,
      health: this.health,
      probes: this.#history,
      reasons: reasonsOf(this.#history),
      sincePassedMs: passedMs === -Infinity ? null : this.#now() - passedMs,
    };
  }

  /** Ends what is under way, and waits until all clients are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#loops.map((each) => each[Symbol.asyncDispose]()));
  }

  #opener(name: ProbeName, { timeoutMs: wholeMs }: ProbeTiming) {
    const { clients, library, prober, replicationFactor, watchedTopics } = this
      .#options;
    const timeoutMs = Math.ceil(wholeMs * SHARE);
    const log = this.#log.child({ probe: name });
    const admin = { library, properties: clients.admin, timeoutMs, log };
    switch (name) {
      case "brokers":
        return () =>
          brokersProbe({
            addresses: () => this.#addresses(),
            asksRequests: !isEncrypted(clients.admin),
            timeoutMs,
          });
      case "metadata":
        return () =>
          metadataProbe(admin, (brokers) => {
            this.#brokers = nameBrokers(this.#brokers, brokers, this.#now());
          });
      case "partitions":
        return () => partitionsProbe(admin, watchedTopics);
      case "round-trip":
        return (): ProbeSession =>
          new RoundTripSession({
            ...clients,
            library,
            replicationFactor,
            prober,
            timeoutMs,
            log,
          });
    }
  }

  #addresses() {
    return this.#brokers.length > 0
      ? this.#brokers
      : bootstrapOf(this.#options.clients.admin);
  }

  #told(name: ProbeName, result: ProbeResult): void {
    const before = this.#history[name];
    this.#history = observe(this.#history, name, result, this.#health);
    const said = saying(result);
    if (said !== null && said !== saying(before.last)) {
      this.#log.debug(`probe ${result.kind}`, { probe: name, why: said });
    }
    const health = this.health;
    if (health === this.#known) return;
    const known = this.#known;
    this.#known = health;
    const { reasons } = this.report;
    this.#log[health === "healthy" ? "info" : "warn"](
      `the cluster is ${health}`,
      { before: known, reasons },
    );
    this.#options.onChange?.(this.report, known);
  }
}

/** A line for each probe that has something to say. */
function reasonsOf(history: HealthHistory): string[] {
  return PROBE_NAMES.flatMap((name) => {
    const said = saying(history[name].last);
    return said === null ? [] : [`${name}: ${said}`];
  });
}

function saying(result: ProbeResult | null): string | null {
  if (result === null) return null;
  return result.kind === "passed" ? result.remark : result.why;
}

function isEncrypted(properties: ClientProperties): boolean {
  const protocol = String(properties["security.protocol"] ?? "plaintext");
  return protocol.toLowerCase().endsWith("ssl");
}
