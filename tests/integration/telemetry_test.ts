/** What a job exports by OTLP, and what becomes of it where nobody takes that. */
import assert from "node:assert/strict";
import type { Child } from "../support/child.ts";
import { freePorts } from "../support/free_port.ts";
import { cleanEnd, logOf, startJob } from "../support/job_process.ts";
import { OtlpReceiver, valuesOf } from "../support/otlp_receiver.ts";

const deadlineMs = 60_000;
const MESSAGES = ["--messages", "500"];

const warningsOf = (job: Child) =>
  logOf(job).filter(({ level }) => level === "warn");

Deno.test("a collector gets the last figures, the spans and the log of a job, all of one resource", async () => {
  await using collector = new OtlpReceiver();
  await using job = startJob({
    args: MESSAGES,
    env: {
      ...collector.environment,
      INSTANCE_ID: "pool-7",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    },
  });
  const { consumed, produced } = await cleanEnd(job, deadlineMs);
  assert.deepEqual(warningsOf(job), []);

  assert.equal(collector.valueOf("switchyard.records.consumed"), consumed);
  assert.equal(
    collector.valueOf("messaging.client.sent.messages", {
      "messaging.destination.name": "user-login-processed",
    }),
    produced,
  );
  const { histogram, unit } =
    collector.metric("messaging.process.duration")!.item;
  assert.equal(unit, "s");
  assert.ok(Number(histogram!.dataPoints[0]!.count) > 0);

  const started = collector.logs.find(({ item }) =>
    item.body.stringValue === "started"
  )!;
  assert.equal(started.item.severityText, "INFO");
  assert.equal(valuesOf(started.item.attributes)["switchyard.workers"], 2);

  const spans = collector.spans.map(({ item }) => item);
  const names = new Set(spans.map(({ name }) => name));
  for (const name of ["poll", "process", "send", "commit"]) {
    assert.ok(names.has(`${name} user-login`), `${name} in ${[...names]}`);
  }
  const byId = new Map(spans.map((each) => [each.spanId, each]));
  for (const { name, parentSpanId, traceId } of spans) {
    if (!parentSpanId) continue;
    assert.equal(byId.get(parentSpanId)?.traceId, traceId, name);
  }

  const resources = [
    collector.metric("switchyard.records.consumed")!,
    started,
    collector.spans[0]!,
  ].map(({ resource }) => resource);
  for (const resource of resources) {
    assert.equal(resource["service.name"], "switchyard");
    assert.equal(resource["service.instance.id"], "pool-7");
    assert.equal(resource["deployment.environment.name"], "test");
  }
});

Deno.test("a collector that is not there ends nothing, and is told of once for all exports", async () => {
  const [port] = freePorts(1);
  await using job = startJob({
    args: MESSAGES,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      // Many attempts, none of which is tried again.
      OTEL_EXPORTER_OTLP_TIMEOUT: "100",
      OTEL_METRIC_EXPORT_INTERVAL: "100",
      OTEL_BSP_SCHEDULE_DELAY: "50",
    },
  });
  assert.equal((await cleanEnd(job, deadlineMs)).consumed, 500);
  const said = warningsOf(job).map(({ message }) => message);
  assert.ok(said.length > 0);
  assert.deepEqual(said, [...new Set(said)]);
});

Deno.test("a collector that never answers does not keep a job from its end", async () => {
  await using collector = new SilentServer();
  await using job = startJob({
    args: MESSAGES,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  });
  assert.equal((await cleanEnd(job, deadlineMs)).consumed, 500);
  assert.ok(collector.connections > 0);
  const said = warningsOf(job).map(({ message }) => message).join("\n");
  assert.match(said, /last telemetry was not taken in time/);
});

Deno.test("what is wrong with the variables is told, and what is right holds", async () => {
  await using collector = new OtlpReceiver();
  await using job = startJob({
    args: MESSAGES,
    env: {
      ...collector.environment,
      OTEL_METRIC_EXPORT_INTERVAL: "soon",
      OTEL_TRACES_SAMPLER: "sometimes",
      OTEL_LOGS_EXPORTER: "pigeon",
      OTEL_LOG_LEVEL: "debug",
    },
  });
  await cleanEnd(job, deadlineMs); // its log has no line that is not ours
  const said = warningsOf(job).map(({ message }) => message).join("\n");
  for (const each of [/EXPORT_INTERVAL.*"soon"/, /"sometimes"/, /"pigeon"/]) {
    assert.match(said, each);
  }
  assert.equal(collector.valueOf("switchyard.records.consumed"), 500);
});

Deno.test("OTEL_SDK_DISABLED turns the export off, and nothing is traced", async () => {
  await using collector = new OtlpReceiver();
  await using job = startJob({
    args: MESSAGES,
    env: { ...collector.environment, OTEL_SDK_DISABLED: "true" },
  });
  await cleanEnd(job, deadlineMs);
  assert.deepEqual(Object.values(collector.requests), [0, 0, 0]);
});

/** Takes connections and says nothing. */
class SilentServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #accepted: Deno.Conn[] = [];
  readonly #accepting = this.#accept();

  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  get connections(): number {
    return this.#accepted.length;
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#accepted.push(connection);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#accepted) connection.close();
  }
}
