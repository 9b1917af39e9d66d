/** `/livez`, `/readyz`, `/status` and `/metrics`, for supervisors and people. */
import type { PoolStatus } from "../pool/status.ts";
import { liveness, readiness } from "./health.ts";
import {
  type HttpService,
  json,
  metricsText,
  probe,
  startServer,
} from "./http_server.ts";
import type { Log } from "./log.ts";
import { type Labels, renderMetrics } from "./prometheus.ts";

export { HttpService, ListenError } from "./http_server.ts";

export interface HttpOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly status: () => PoolStatus;
  /** Labels of the group's lag in `/metrics`: `group`, `topic`. */
  readonly group: Labels;
  readonly log: Log;
}

/** @throws {ListenError} when the address cannot be listened on. */
export function startHttp(options: HttpOptions): HttpService {
  const { group, host, log, port, status } = options;
  return startServer({
    host,
    port,
    log,
    routes: {
      "/livez": () => probe(liveness(status())),
      "/readyz": () => probe(readiness(status())),
      "/status": () => {
        // Samples are users' data, and nobody has to say here who he is.
        const { samples: _, ...rest } = status();
        return json(200, rest);
      },
      "/metrics": () => metricsText(renderMetrics(status(), group)),
    },
  });
}
