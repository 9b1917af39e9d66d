import assert from "node:assert/strict";
import {
  type Environment,
  exportedSignals,
  sampling,
} from "../../src/telemetry/otel/variables.ts";

const exported = (env: Environment) => [...exportedSignals(env)].join(" ");
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
const ALL = "traces metrics logs";

Deno.test("nothing is exported where nothing is set", () => {
  assert.equal(exported({}), "");
  assert.equal(exported({ OTEL_SERVICE_NAME: "x" }), "");
  assert.equal(exported({ OTEL_EXPORTER_OTLP_ENDPOINT: " " }), "");
});

Deno.test("an endpoint is for every signal, one of a signal for that alone", () => {
  assert.equal(exported(ENDPOINT), ALL);
  assert.equal(
    exported({ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "http://c/v1/logs" }),
    "logs",
  );
});

Deno.test("a signal whose exporter is named is exported, with none it is not", () => {
  assert.equal(exported({ OTEL_TRACES_EXPORTER: "otlp" }), "traces");
  assert.equal(
    exported({ ...ENDPOINT, OTEL_METRICS_EXPORTER: "none" }),
    "traces logs",
  );
});

Deno.test("OTEL_SDK_DISABLED turns everything off, whatever else is set", () => {
  assert.equal(exported({ ...ENDPOINT, OTEL_SDK_DISABLED: "true" }), "");
  assert.equal(exported({ ...ENDPOINT, OTEL_SDK_DISABLED: "TRUE" }), "");
  assert.equal(exported({ ...ENDPOINT, OTEL_SDK_DISABLED: "false" }), ALL);
});

Deno.test("samplers become the share of traces that are begun", () => {
  const ratio = (name?: string, argument?: string) =>
    sampling({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument })
      .tracing?.ratio ?? null;
  assert.equal(ratio("always_on"), 1);
  assert.equal(ratio("parentbased_always_on"), 1);
  assert.equal(ratio("always_off"), null);
  assert.equal(ratio("parentbased_always_off"), 0);
  assert.equal(ratio("traceidratio", "0.25"), 0.25);
  assert.equal(ratio("parentbased_traceidratio", "0"), 0);
});

Deno.test("without a sampler no more traces begin than can be looked at, and with one as many as it says", () => {
  for (const OTEL_TRACES_SAMPLER of [undefined, "", " "]) {
    const { problem, tracing } = sampling({ OTEL_TRACES_SAMPLER });
    assert.deepEqual([problem, tracing], [
      null,
      { ratio: 1, restMs: 100, isPropagated: true },
    ]);
  }
  const { tracing } = sampling({ OTEL_TRACES_SAMPLER: "always_on" });
  assert.equal(tracing?.restMs, 0);
});

Deno.test("without propagators nobody looks for traces in records", () => {
  const isPropagated = (OTEL_PROPAGATORS?: string) =>
    sampling({ OTEL_PROPAGATORS }).tracing?.isPropagated;
  assert.deepEqual(
    [undefined, "tracecontext,baggage", "none"].map(isPropagated),
    [true, true, false],
  );
});

Deno.test("a sampler that is wrong is told, and samples everything", () => {
  for (
    const [name, argument] of [
      ["sometimes", undefined],
      ["traceidratio", undefined],
      ["traceidratio", "2"],
      ["parentbased_traceidratio", "half"],
    ]
  ) {
    const { problem, tracing } = sampling({
      OTEL_TRACES_SAMPLER: name,
      OTEL_TRACES_SAMPLER_ARG: argument,
    });
    assert.deepEqual(tracing, { ratio: 1, restMs: 0, isPropagated: true });
    assert.match(problem!, /OTEL_TRACES_SAMPLER/);
    assert.ok(problem!.includes(argument ?? name!) || argument === undefined);
  }
});
