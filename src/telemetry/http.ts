/** `/livez`, `/readyz`, `/status` and `/metrics`, for supervisors and people. */
import type { Health } from "./health.ts";
import {
  type HttpService,
  json,
  metricsText,
  probe,
  startServer,
} from "./http_server.ts";
import type { Log } from "./log.ts";

export { HttpService, ListenError } from "./http_server.ts";

/** What is asked again with each request. */
export interface Probes {
  readonly liveness: () => Health;
  readonly readiness: () => Health;
  /** For `/status`, as JSON: without users' data, nobody says here who he is. */
  readonly status: () => unknown;
  /** More paths that answer like probes. */
  readonly more?: Readonly<Record<string, () => Health>>;
}

export interface HttpOptions extends Probes {
  /** Address to listen on. */
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** In Prometheus' text format. */
  readonly metricsText: () => Promise<string>;
  readonly log: Log;
}

/** @throws {ListenError} when the address cannot be listened on. */
export function startHttp(options: HttpOptions): HttpService {
  const { host, liveness, log, more = {}, port, readiness, status } = options;
  const probes = Object.entries(more)
    .map(([path, health]) => [path, () => probe(health())] as const);
  return startServer({
    host,
    port,
    log,
    routes: {
      "/livez": () => probe(liveness()),
      "/readyz": () => probe(readiness()),
      ...Object.fromEntries(probes),
      "/status": () => json(200, status()),
      "/metrics": async () => metricsText(await options.metricsText()),
    },
  });
}
