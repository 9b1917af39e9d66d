/** An HTTP server for probes and figures: one answer for each path. */
import type { Health } from "./health.ts";
import type { Log } from "./log.ts";

export interface ServerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** By path. */
  readonly routes: Readonly<Record<string, () => Response | Promise<Response>>>;
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
export function startServer(options: ServerOptions): HttpService {
  const { host, port, log, routes } = options;
  try {
    const server = Deno.serve({
      hostname: host,
      port,
      onListen: () => {},
      onError: (error) => {
        log.error("request failed", { error });
        return json(500, { error: "internal error" });
      },
    }, (request) => answer(request, routes));
    return new HttpService(server);
  } catch (cause) {
    throw new ListenError(refusal(host, port, cause), { cause });
  }
}

function answer(
  request: Request,
  routes: ServerOptions["routes"],
): Response | Promise<Response> {
  const { pathname } = new URL(request.url);
  const respond = Object.hasOwn(routes, pathname)
    ? routes[pathname]
    : undefined;
  if (respond === undefined) {
    return json(404, { error: "not found", paths: Object.keys(routes) });
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return json(405, { error: "use GET" }, { allow: "GET, HEAD" });
  }
  return respond();
}

export function probe(health: Health): Response {
  return json(health.ok ? 200 : 503, health);
}

export function json(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(body, { status, headers });
}

/** Metrics in Prometheus' text format. */
export const metricsText = (text: string): Response =>
  new Response(text, {
    headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
  });

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
