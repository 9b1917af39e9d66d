/** `/livez`, `/readyz`, `/status` and `/metrics`, for supervisors and people. */
import type { PoolStatus } from "../pool/status.ts";
import { type Health, liveness, readiness } from "./health.ts";
import type { Log } from "./log.ts";
import { type Labels, renderMetrics } from "./prometheus.ts";

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

/** The server cannot listen; the message names the remedy. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

export class HttpService implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(server: Deno.HttpServer<Deno.NetAddr>) {
    this.#server = server;
  }

  get port(): number {
    return this.#server.addr.port;
  }

  /** Ends once the requests under way are answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** @throws {ListenError} when the address cannot be listened on. */
export function startHttp(options: HttpOptions): HttpService {
  const { host, port, log } = options;
  try {
    const server = Deno.serve({
      hostname: host,
      port,
      onListen: () => {},
      onError: (error) => {
        log.error("request failed", { error });
        return json(500, { error: "internal error" });
      },
    }, (request) => answer(request, options));
    return new HttpService(server);
  } catch (cause) {
    throw new ListenError(refusal(host, port, cause), { cause });
  }
}

function answer(request: Request, options: HttpOptions): Response {
  const respond = routes[new URL(request.url).pathname];
  if (respond === undefined) {
    return json(404, { error: "not found", paths: Object.keys(routes) });
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return json(405, { error: "use GET" }, { allow: "GET, HEAD" });
  }
  return respond(options);
}

const routes: Readonly<Record<string, (options: HttpOptions) => Response>> = {
  "/livez": ({ status }) => probe(liveness(status())),
  "/readyz": ({ status }) => probe(readiness(status())),
  "/status": ({ status }) => {
    // Samples are users' data, and nobody has to say here who he is.
    const { samples: _, ...rest } = status();
    return json(200, rest);
  },
  "/metrics": ({ status, group }) =>
    new Response(renderMetrics(status(), group), {
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    }),
};

function probe(health: Health): Response {
  return json(health.ok ? 200 : 503, health);
}

function json(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(body, { status, headers });
}

function refusal(host: string, port: number, cause: unknown): string {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const where = `cannot serve health and metrics on ${address}: `;
  if (cause instanceof Deno.errors.AddrInUse) {
    return `${where}the port is in use; set HTTP_PORT to another one, or to 0 ` +
      "for any that is free";
  }
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    return `${where}this machine has no such address; set HTTP_HOST`;
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return `${where}permission denied; set HTTP_PORT to 1024 or above`;
  }
  return where + (cause instanceof Error ? cause.message : String(cause));
}
