/** Whoever is called by the Compose file and what it mounts, listens there. */
import assert from "node:assert/strict";
import { z } from "zod";
import { parseGatewayAddresses } from "../../src/config/gateway_addresses.ts";
import {
  type ComposeService,
  isOurs,
  readComposeFile,
  readYaml,
} from "../support/compose_file.ts";

const { services } = readComposeFile();
const all = Object.entries(services);

const portOf = (address: string) => Number(address.split(":").at(-1));
const list = (text: string | undefined) => (text ?? "").split(",");

const otlp = z.object({
  protocols: z.record(
    z.string(),
    z.object({
      endpoint: z.string(),
    }),
  ),
});
const collectorFile = z.object({
  receivers: z.object({ otlp }),
  exporters: z.record(z.string(), z.object({ endpoint: z.string() })),
}).parse(readYaml("deploy/otel-collector.yaml"));
const jaegerFile = z.object({ receivers: z.object({ otlp }) })
  .parse(readYaml("deploy/jaeger.yaml"));
const lokiFile = z.object({
  server: z.object({ http_listen_port: z.number() }),
}).parse(readYaml("deploy/loki.yaml"));

const otlpPorts = (
  { receivers }: { receivers: { otlp: z.infer<typeof otlp> } },
) =>
  Object.values(receivers.otlp.protocols).map(({ endpoint }) =>
    portOf(endpoint)
  );

/** Ports of images as they come; no file here says another one. */
const IMAGE_PORTS: Readonly<Record<string, readonly number[]>> = {
  "otel/opentelemetry-collector-contrib": otlpPorts(collectorFile),
  "jaegertracing/jaeger": [16_686, ...otlpPorts(jaegerFile)],
  "grafana/loki": [lokiFile.server.http_listen_port],
  "grafana/grafana": [3000],
  "prom/prometheus": [9090],
  "prom/alertmanager": [9093],
  "prom/node-exporter": [9100],
  "danielqsj/kafka-exporter": [9308],
};

/** Where it can be called by others. */
function listens({ environment, image, ...service }: ComposeService): number[] {
  const known = IMAGE_PORTS[image.split(":")[0]!];
  if (known !== undefined) return [...known];
  if (!isOurs({ environment, image, ...service })) {
    return list(environment["KAFKA_LISTENERS"]).map(portOf);
  }
  const gateway = environment["GATEWAY_LISTEN"];
  return [
    ...(environment["HTTP_HOST"] === "0.0.0.0" &&
        service.healthcheck?.disable !== true
      ? [Number(environment["HTTP_PORT"])]
      : []),
    ...(gateway === undefined ? [] : parseGatewayAddresses(gateway)
      .filter(({ listen }) => listen.startsWith("0.0.0.0:"))
      .map(({ listen }) => portOf(listen))),
  ];
}

/** @param address `host:port`, with or without `http://` before and a path behind */
function assertReached(from: string, address: string): void {
  const [, name = "", port] = /^(?:https?:\/\/)?([^:/]+):(\d+)/.exec(address) ??
    [];
  const caller = services[from]!;
  const called = services[name];
  assert.ok(called !== undefined, `${from}: ${address}`);
  assert.ok(listens(called).includes(Number(port)), `${from}: ${address}`);
  assert.ok(
    caller.networks.some((network) => called.networks.includes(network)),
    `${from} and ${name} have no network in common`,
  );
  assert.ok(
    caller.profiles.includes("drill") ||
      caller.profiles.every((each) => called.profiles.includes(each)),
    `${from} runs without ${name}`,
  );
}

Deno.test("our settings lead to brokers and to the collector", () => {
  for (const [name, { environment, ...service }] of all) {
    if (!isOurs({ environment, ...service })) continue;
    const { PRIMARY_BROKERS, SECONDARY_BROKERS, GATEWAY_LISTEN } = environment;
    const endpoint = environment["OTEL_EXPORTER_OTLP_ENDPOINT"];
    const gateway = parseGatewayAddresses(GATEWAY_LISTEN ?? "");
    const addresses = [
      ...list(PRIMARY_BROKERS),
      ...(SECONDARY_BROKERS === undefined ? [] : list(SECONDARY_BROKERS)),
      ...(endpoint === undefined ? [] : [endpoint]),
      ...gateway.flatMap(({ brokers }) => brokers.flat()),
    ];
    for (const address of addresses) assertReached(name, address);
  }
});

Deno.test("brokers advertise what reaches them: inside by their name, outside by a published port", () => {
  for (const [name, { environment, ports }] of all) {
    const advertised = environment["KAFKA_ADVERTISED_LISTENERS"];
    if (advertised === undefined) continue;
    const [inside = "", host = ""] = list(advertised);
    assert.equal(inside, `INSIDE://${name}:9092`);
    const [, port] = /^HOST:\/\/localhost:(\d+)$/.exec(host) ?? [];
    assert.deepEqual(ports, [`127.0.0.1:${port}:${port}`], name);
    assert.ok(listens(services[name]!).includes(Number(port)), name);
  }
});

Deno.test("the gateway for this machine leads to the listeners for this machine", () => {
  for (const [name, { environment }] of all) {
    if (environment["GATEWAY_LISTEN"] === undefined) continue;
    const [, host] = parseGatewayAddresses(environment["GATEWAY_LISTEN"]);
    for (const address of host!.brokers.flat()) {
      const [broker = "", port] = address.split(":");
      assert.ok(
        services[broker]!.environment["KAFKA_ADVERTISED_LISTENERS"]!
          .endsWith(`HOST://localhost:${port}`),
        `${name}: ${address}`,
      );
    }
  }
});

Deno.test("published ports are this machine's alone, lead to who listens, and are there once", () => {
  const taken = new Map<string, string>();
  for (const [name, { ports, profiles, ...service }] of all) {
    for (const port of ports) {
      const [, from, to] = /^127\.0\.0\.1:(\d+):(\d+)$/.exec(port) ?? [];
      const own = listens({ ports, profiles, ...service });
      assert.ok(own.includes(Number(to)), `${name}: ${port}`);
      for (const profile of profiles) {
        const key = `${profile} ${from}`;
        assert.equal(taken.get(key), undefined, `${name}: ${port}`);
        taken.set(key, name);
      }
    }
  }
});

Deno.test("the collector sends to Jaeger and Loki, and each exporter is used", () => {
  for (const { endpoint } of Object.values(collectorFile.exporters)) {
    assertReached("otel-collector", endpoint);
  }
  const { service } = z.object({
    service: z.object({
      pipelines: z.record(
        z.string(),
        z.object({ exporters: z.array(z.string()) }),
      ),
    }),
  }).parse(readYaml("deploy/otel-collector.yaml"));
  assert.deepEqual(
    Object.values(service.pipelines).flatMap(({ exporters }) => exporters),
    Object.keys(collectorFile.exporters),
  );
});

Deno.test("exporters and tools are told brokers that there are", () => {
  for (const [name, { command }] of all) {
    for (const argument of command) {
      const [, brokers] =
        /^--(?:kafka\.server|bootstrap-server)=(.*)$/.exec(argument) ?? [];
      for (const address of brokers === undefined ? [] : list(brokers)) {
        assertReached(name, address);
      }
    }
  }
});

Deno.test("Grafana's data sources are services, and lead to one another", () => {
  const { datasources } = z.object({
    datasources: z.array(z.object({
      uid: z.string(),
      url: z.string(),
      jsonData: z.record(z.string(), z.unknown()),
    })),
  }).parse(
    readYaml("deploy/grafana/provisioning/datasources/datasources.yaml"),
  );
  const uids = datasources.map(({ uid }) => uid);
  for (const { jsonData, url } of datasources) {
    assertReached("grafana", url);
    const named = [
      ...JSON.stringify(jsonData)
        .matchAll(/"datasourceUid":"([^"]+)"/g),
    ].map(([, uid]) => uid!);
    assert.ok(named.length > 0);
    assert.deepEqual(named.filter((uid) => !uids.includes(uid)), []);
  }
});

Deno.test("Prometheus scrapes services where they listen, and all of ours that serve figures", () => {
  const { alerting, scrape_configs } = z.object({
    alerting: z.object({
      alertmanagers: z.array(z.object({
        static_configs: z.array(z.object({ targets: z.array(z.string()) })),
      })),
    }),
    scrape_configs: z.array(z.object({
      static_configs: z.array(z.object({ targets: z.array(z.string()) }))
        .default([]),
      dns_sd_configs: z.array(z.object({
        names: z.array(z.string()),
        port: z.number(),
      })).default([]),
    })),
  }).parse(readYaml("deploy/prometheus/prometheus.yaml"));
  const targets = scrape_configs.flatMap((each) => [
    ...each.static_configs.flatMap(({ targets }) => targets),
    ...each.dns_sd_configs.flatMap(({ names, port }) =>
      names.map((name) => `${name}:${port}`)
    ),
  ]).filter((target) => target !== "localhost:9090");
  const alertmanagers = alerting.alertmanagers.flatMap((each) =>
    each.static_configs.flatMap(({ targets }) => targets)
  );
  for (const target of [...targets, ...alertmanagers]) {
    assertReached("prometheus", target);
  }
  const serving = all.filter(([, service]) =>
    isOurs(service) && service.profiles.includes("full") &&
    service.healthcheck?.disable !== true
  );
  assert.deepEqual(
    serving.filter(([name]) => !targets.includes(`${name}:8080`)),
    [],
  );
});
