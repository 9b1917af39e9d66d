/**
 * What an OTLP collector would be sent, over HTTP as JSON
 * (`OTEL_EXPORTER_OTLP_PROTOCOL=http/json`).
 */

interface Attribute {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly intValue?: string | number;
    readonly doubleValue?: number;
    readonly boolValue?: boolean;
  };
}

interface Point {
  readonly attributes?: readonly Attribute[];
  readonly asDouble?: number;
  readonly asInt?: string | number;
  readonly count?: string | number;
  readonly sum?: number;
}

interface OtlpMetric {
  readonly name: string;
  readonly unit?: string;
  readonly sum?: { readonly dataPoints: readonly Point[] };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}

export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly links?: readonly { traceId: string; spanId: string }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

export interface OtlpLogRecord {
  readonly severityText: string;
  readonly body: { readonly stringValue: string };
  readonly attributes: readonly Attribute[];
  readonly traceId?: string;
  readonly spanId?: string;
}

type Values = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ResourceOf<T> {
  readonly resource: Values;
  readonly item: T;
}

const PATHS = ["/v1/traces", "/v1/metrics", "/v1/logs"] as const;
type Path = typeof PATHS[number];

export class OtlpReceiver implements AsyncDisposable {
  readonly spans: ResourceOf<OtlpSpan>[] = [];
  readonly logs: ResourceOf<OtlpLogRecord>[] = [];
  /** By path: requests that have come. */
  readonly requests: Record<Path, number> = {
    "/v1/traces": 0,
    "/v1/metrics": 0,
    "/v1/logs": 0,
  };
  /** By name: as they came last. */
  readonly #metrics = new Map<string, ResourceOf<OtlpMetric>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#receive(request),
    );
  }

  /** For a process that is to export to it. */
  get environment(): Readonly<Record<string, string>> {
    const { port } = this.#server.addr;
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_TRACES_SAMPLER: "always_on",
      OTEL_METRIC_EXPORT_INTERVAL: "500",
      OTEL_BSP_SCHEDULE_DELAY: "200",
      OTEL_BLRP_SCHEDULE_DELAY: "200",
    };
  }

  get metricNames(): string[] {
    return [...this.#metrics.keys()];
  }

  metric(name: string): ResourceOf<OtlpMetric> | undefined {
    return this.#metrics.get(name);
  }

  /** Of a counter or gauge, summed over all that has these attributes. */
  valueOf(name: string, attributes: Values = {}): number | undefined {
    const { gauge, sum } = this.metric(name)?.item ?? {};
    const points = (sum ?? gauge)?.dataPoints.filter((point) => {
      const own = valuesOf(point.attributes);
      return Object.entries(attributes)
        .every(([key, value]) => own[key] === value);
    });
    if (points === undefined || points.length === 0) return undefined;
    return points.reduce(
      (total, { asDouble, asInt }) => total + Number(asDouble ?? asInt ?? 0),
      0,
    );
  }

  async #receive(request: Request): Promise<Response> {
    const path = PATHS.find((each) => each === new URL(request.url).pathname);
    if (path === undefined) return new Response(null, { status: 404 });
    const body = await request.json();
    this.requests[path]++;
    switch (path) {
      case "/v1/traces":
        for (
          const [resource, item] of items<OtlpSpan>(body, "Spans", "spans")
        ) {
          this.spans.push({ resource, item });
        }
        break;
      case "/v1/metrics":
        for (
          const [resource, item] of items<OtlpMetric>(
            body,
            "Metrics",
            "metrics",
          )
        ) this.#metrics.set(item.name, { resource, item });
        break;
      case "/v1/logs":
        for (
          const [resource, item] of items<OtlpLogRecord>(
            body,
            "Logs",
            "logRecords",
          )
        ) this.logs.push({ resource, item });
        break;
    }
    return Response.json({});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

export const valuesOf = (attributes: readonly Attribute[] = []): Values =>
  Object.fromEntries(attributes.map(({ key, value }) => [
    key,
    value.stringValue ?? value.boolValue ?? value.doubleValue ??
      (value.intValue === undefined ? undefined : Number(value.intValue)),
  ]));

type Tree = Record<string, unknown>;

function* items<T>(
  body: Tree,
  kind: "Spans" | "Metrics" | "Logs",
  name: string,
): Generator<[Values, T]> {
  for (const each of body[`resource${kind}`] as Tree[]) {
    const { attributes } = each["resource"] as { attributes: Attribute[] };
    for (const scope of each[`scope${kind}`] as Tree[]) {
      for (const item of scope[name] as T[]) yield [valuesOf(attributes), item];
    }
  }
}
