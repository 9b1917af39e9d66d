/**
 * What every command has that runs until a signal: signals, a log, the native
 * library, telemetry and an HTTP server. Owned by a stack of the command's:
 *
 *     signals ── telemetry ── (what the command runs) ── HTTP
 *
 * Disposed from the right to the left, so that the last figures and spans are
 * exported.
 */
import type { Settings } from "../config/mod.ts";
import type { Library } from "../kafka/mod.ts";
import { type HttpService, type Probes, startHttp } from "../telemetry/http.ts";
import type { Log, LogSink } from "../telemetry/log.ts";
import type { Metric } from "../telemetry/metrics.ts";
import { openTelemetry, type Telemetry } from "../telemetry/otel/mod.ts";
import { processMetrics } from "../telemetry/process_metrics.ts";
import { Certificates } from "./certificates.ts";
import { openNative } from "./open_native.ts";
import { openRoleLog, reloadSettings } from "./role_log.ts";
import { aborted, listenToSignals } from "./signals.ts";

export interface ServiceOptions {
  readonly settings: Settings;
  readonly instanceId: string;
  /** SIGHUP; see `SignalActions`. Default: the log's level is taken over. */
  readonly onReload?: () => void;
}

export interface Served extends Probes {
  readonly metrics: () => readonly Metric[];
}

export class Service implements AsyncDisposable {
  readonly log: Log;
  readonly sink: LogSink;
  readonly #settings: Settings;
  readonly #stop = new AbortController();
  readonly #stack = new AsyncDisposableStack();
  #telemetry: Telemetry | null = null;
  #library: Library | null = null;
  #metrics: () => readonly Metric[] = () => [];

  private constructor({ onReload, settings }: ServiceOptions) {
    this.#settings = settings;
    const { log, sink } = openRoleLog(settings);
    this.log = log;
    this.sink = sink;
    this.#stack.use(
      sink.onLine((line) => this.#telemetry?.onLogLine(line)),
    );
    this.#stack.use(listenToSignals({
      onStop: (signal) => this.#stop.abort(signal),
      onStopNow: () => Deno.exit(1),
      onReload: onReload ?? (() => reloadSettings(log)),
    }));
  }

  /** @throws {NativeError} */
  static async open(options: ServiceOptions): Promise<Service> {
    const service = new Service(options);
    try {
      await service.#open(options);
    } catch (error) {
      await service[Symbol.asyncDispose]();
      throw error;
    }
    return service;
  }

  async #open({ instanceId, settings }: ServiceOptions): Promise<void> {
    this.#library = await openNative(settings, this.stop);
    const { version } = this.#library;
    const certificates = new Certificates(settings);
    this.#telemetry = this.#stack.use(
      await openTelemetry({
        env: Deno.env.toObject(),
        instanceId,
        metrics: () => [
          ...this.#metrics(),
          ...certificates.metrics(),
          ...processMetrics(version),
        ],
        log: this.log,
      }),
    );
  }

  get library(): Library {
    return this.#library!;
  }

  get telemetry(): Telemetry {
    return this.#telemetry!;
  }

  /** Aborts with the first signal that asks for the end. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** Resolves with that signal. */
  get stopped(): Promise<Deno.Signal> {
    return aborted(this.#stop.signal);
  }

  /**
   * Answers at `HTTP_HOST` and `HTTP_PORT`.
   * @throws {ListenError} when the address cannot be listened on.
   */
  serve({ metrics, ...probes }: Served): HttpService {
    this.#metrics = metrics;
    return startHttp({
      ...probes,
      host: this.#settings.httpHost,
      port: this.#settings.httpPort,
      metricsText: () => this.telemetry.metricsText(),
      log: this.log,
    });
  }

  /** Bounded, whatever the collector of telemetry does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
