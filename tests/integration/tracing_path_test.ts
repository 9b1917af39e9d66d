/** One trace from who sends a login to who reads what became of it. */
import assert from "node:assert/strict";
import { Child } from "../support/child.ts";
import { cleanEnd, startJob } from "../support/job_process.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { type OtlpSpan, valuesOf } from "../support/otlp_receiver.ts";
import { missingForKafka } from "../support/require_java.ts";
import { Rotel, rotelTest } from "../support/rotel.ts";

const LOGINS = 200;
const DEADLINE_MS = 120_000;
const ROOT = new URL("../../", import.meta.url).pathname;
const INPUT = "user-login";
const OUTPUT = "user-login-processed";
const LAST = "read";

rotelTest(
  "on Kafka, generator, pool and a reader of its results share the trace of each login",
  async () => {
    await using cluster = await KafkaCluster.start();
    for (
      const topic of [INPUT, OUTPUT, LAST, "user-login-new-device"].flatMap(
        (each) => [each, `${each}.dlq`],
      )
    ) await cluster.createTopic(topic, 2);
    await using rotel = await Rotel.start();
    const brokers = cluster.bootstrapServers;
    const env = (service: string) => ({
      ...rotel.environment("grpc"),
      OTEL_SERVICE_NAME: service,
      PROCESSOR: "examples/new_devices.ts",
    });

    await using generator = Child.deno([
      ...["run", "-A", "--no-check", "src/main.ts", "generate"],
      ...["--messages", `${LOGINS}`, "--malformed", "0"],
    ], { cwd: ROOT, env: { ...env("generator"), PRIMARY_BROKERS: brokers } });
    assert.equal((await generator.exit(DEADLINE_MS)).code, 0);
    const stages = [["pool", INPUT, OUTPUT], ["reader", OUTPUT, LAST]] as const;
    for (const [service, from, to] of stages) {
      await using job = startJob({
        brokers,
        cwd: ROOT,
        args: ["--messages", `${LOGINS}`],
        env: {
          ...env(service),
          GROUP_ID: service,
          INPUT_TOPIC: from,
          OUTPUT_TOPIC: to,
        },
      });
      assert.equal((await cleanEnd(job, DEADLINE_MS)).consumed, LOGINS);
    }

    const received = await rotel.spans();
    const spans = new Map(received.map((each) => [each.item.spanId, each]));
    const ofRecords = (service: string, name: string) =>
      received.filter(({ item, resource }) =>
        resource["service.name"] === service && item.name === name &&
        (item.links ?? []).length === 0
      ).map(({ item }) => item);
    const readings = ofRecords("reader", `process ${OUTPUT}`)
      .filter(hasOffset);
    assert.equal(readings.length, LOGINS);
    const paths = readings.map((reading) => {
      const path: string[] = [];
      for (let at: OtlpSpan | undefined = reading; at !== undefined;) {
        const { resource } = spans.get(at.spanId)!;
        path.unshift(`${resource["service.name"]}: ${at.name}`);
        assert.equal(at.traceId, reading.traceId);
        at = at.parentSpanId ? spans.get(at.parentSpanId)?.item : undefined;
      }
      return path.join(", ");
    });
    assert.deepEqual([...new Set(paths)], [
      `generator: send ${INPUT}, pool: process ${INPUT}, ` +
      `reader: process ${OUTPUT}`,
    ]);
    const begun = ofRecords("generator", `send ${INPUT}`);
    assert.deepEqual(
      readings.map(({ traceId }) => traceId).sort(),
      begun.map(({ traceId }) => traceId).sort(),
    );
  },
  missingForKafka(),
);

const hasOffset = ({ attributes }: OtlpSpan) =>
  "messaging.kafka.offset" in valuesOf(attributes);
