/** Whatever docker-compose.yml names is there: settings, commands, files, ports. */
import assert from "node:assert/strict";
import { drillOptions } from "../../src/commands/drill_options.ts";
import { generateOptions } from "../../src/commands/generate.ts";
import { HELP } from "../../src/commands/help.ts";
import { loadSettings } from "../../src/config/mod.ts";
import {
  type ComposeService,
  isOurs,
  readComposeFile,
  root,
} from "../support/compose_file.ts";

const { networks, services, volumes } = readComposeFile();
const all = Object.entries(services);
const ours = all.filter(([, service]) => isOurs(service));

const list = (text: string | undefined) => (text ?? "").split(",");

Deno.test("all images have a version of their own", () => {
  for (const [name, { build, image }] of all) {
    if (build === undefined) assert.match(image, /:v?\d+\.\d+\.\d+$/, name);
    else assert.equal(image, "switchyard:local", name);
  }
});

Deno.test("each of our services runs a command that there is, with options that it takes", () => {
  const parsers: Record<string, (args: readonly string[]) => unknown> = {
    drill: drillOptions,
    generate: generateOptions,
  };
  for (const [name, { command: [command = "", ...args] }] of ours) {
    assert.ok(Object.hasOwn(HELP, command), `${name}: ${command}`);
    const parse = parsers[command];
    if (parse === undefined) assert.deepEqual(args, [], name);
    else assert.equal(typeof parse(args), "object", name);
  }
});

for (const [name, { environment }] of ours) {
  Deno.test(`the variables of ${name} are settings, or OpenTelemetry's`, () => {
    const { sources } = loadSettings({
      env: environment,
      hardwareConcurrency: 2,
      hostname: name,
      readTextFile: (path) => assert.fail(path),
    });
    const used = [...sources.values()].flatMap((source) =>
      source.kind === "environment" ? [source.name] : []
    );
    const documented = Deno.readTextFileSync(`${root}docs/operations.md`);
    for (const variable of Object.keys(environment)) {
      if (used.includes(variable)) continue;
      assert.match(variable, /^OTEL_/);
      assert.ok(documented.includes(`\`${variable}\``), variable);
    }
  });
}

Deno.test("parts of disaster recovery share their settings", () => {
  const shared = (name: string) => {
    const { environment } = services[name]!;
    return Object.entries(environment).filter(([variable]) =>
      !/^(OTEL_SERVICE_NAME|INSTANCE_ID|GATEWAY_LISTEN|WORKERS)$/
        .test(variable)
    );
  };
  for (const name of ["mirror", "sentinel-1", "sentinel-2", "sentinel-3"]) {
    assert.deepEqual(shared(name), shared("pool"), name);
  }
  const sentinels = ours.filter(([, { command }]) => command[0] === "sentinel");
  for (const [name, { environment }] of sentinels) {
    assert.equal(environment["SENTINELS"], String(sentinels.length), name);
    assert.equal(environment["INSTANCE_ID"], name);
  }
});

Deno.test("files, volumes and networks that are named are there, and all are used", async () => {
  const used = new Set<string>();
  for (const [name, service] of all) {
    for (const volume of service.volumes) {
      const [source = "", target, mode] = volume.split(":");
      assert.ok(target?.startsWith("/"), `${name}: ${volume}`);
      if (source.startsWith("./")) {
        await Deno.stat(root + source.slice(2));
        assert.equal(mode, "ro", `${name}: ${volume}`);
      } else {
        assert.ok(source in volumes, `${name}: ${volume}`);
        used.add(source);
      }
    }
    for (const network of service.networks) {
      assert.ok(network in networks, `${name}: ${network}`);
      used.add(network);
    }
    if (service.build !== undefined) {
      await Deno.stat(`${root}${service.build.context}/Dockerfile`);
    }
  }
  const declared = [...Object.keys(volumes), ...Object.keys(networks)];
  assert.deepEqual(declared.filter((each) => !used.has(each)), []);
});

Deno.test("whoever is waited for starts with the same profiles, and tells when it is ready", () => {
  for (const [name, { depends_on, profiles }] of all) {
    for (const [other, { condition }] of Object.entries(depends_on)) {
      const target = services[other];
      assert.ok(target !== undefined, `${name}: ${other}`);
      for (const profile of profiles) {
        assert.ok(target.profiles.includes(profile), `${name}: ${other}`);
      }
      switch (condition) {
        case "service_started":
          break;
        case "service_healthy":
          assert.ok(target.healthcheck?.test !== undefined, other);
          break;
        case "service_completed_successfully":
          assert.equal(target.restart, "no", other);
          break;
      }
    }
  }
});

Deno.test("by default everything starts but the drill and what is for small machines", () => {
  const profile = /^COMPOSE_PROFILES=(.*)$/m
    .exec(Deno.readTextFileSync(`${root}.env`))?.[1];
  assert.equal(profile, "full");
  const others = all.filter(([, { profiles }]) => !profiles.includes("full"));
  assert.deepEqual(
    others.map(([name]) => name),
    [
      "drill",
      "small-kafka",
      "small-topics",
      "small-pool",
      "small-generator",
    ],
  );
});

Deno.test("no service has rights, memory or logs without end", () => {
  for (const [name, service] of all) {
    assert.deepEqual(service.cap_drop, ["ALL"], name);
    assert.deepEqual(service.security_opt, ["no-new-privileges:true"], name);
    assert.match(service.deploy.resources.limits.memory, /^\d+[MG]$/, name);
    assert.ok(Number(service.deploy.resources.limits.cpus) <= 2, name);
    assert.notEqual(service.logging, undefined, name);
    if (!isOurs(service)) continue;
    assert.ok(service.read_only, name);
    assert.deepEqual(service.tmpfs, ["/tmp"], name);
  }
});

Deno.test("the two clusters have no broker id in common, and each broker knows its quorum", () => {
  const brokers = all.filter(([, { environment }]) =>
    environment["KAFKA_NODE_ID"] !== undefined &&
    environment["CLUSTER_ID"] !== undefined
  );
  const clusters = Map.groupBy(
    brokers,
    ([, { environment }]) => environment["CLUSTER_ID"]!,
  );
  assert.deepEqual(
    [...clusters.values()].map((each) =>
      each.map(([, { environment }]) => Number(environment["KAFKA_NODE_ID"]))
    ),
    [[1, 2, 3], [101], [1]],
  );
  for (const [id, each] of clusters) {
    // 16 bytes, as Kafka wants them.
    assert.match(id, /^[A-Za-z0-9_-]{22}$/);
    const voters = each.map(([name, { environment }]) =>
      `${environment["KAFKA_NODE_ID"]}@${name}:9093`
    );
    for (const [name, { environment }] of each) {
      assert.deepEqual(
        list(environment["KAFKA_CONTROLLER_QUORUM_VOTERS"]),
        voters,
        name,
      );
      assertReplicas(environment, each.length);
    }
  }
});

function assertReplicas(
  environment: ComposeService["environment"],
  brokers: number,
): void {
  const factors = Object.entries(environment)
    .filter(([name]) => /REPLICATION_FACTOR$/.test(name));
  assert.equal(factors.length, 4);
  for (const [name, factor] of factors) {
    assert.equal(Number(factor), brokers, name);
  }
}
