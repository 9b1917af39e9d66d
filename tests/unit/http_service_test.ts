import assert from "node:assert/strict";
import type {
  PoolPhase,
  PoolStatus,
  WorkerState,
} from "../../src/pool/status.ts";
import {
  liveness,
  readiness,
  shownStatus,
} from "../../src/telemetry/health.ts";
import {
  type HttpService,
  ListenError,
  startHttp,
} from "../../src/telemetry/http.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import { poolStatus, workerStatus } from "./support_pool_status.ts";

function statusOf(
  phase: PoolPhase,
  states: readonly WorkerState[] = ["running"],
): PoolStatus {
  return poolStatus({
    phase,
    samples: [{ input: "private", output: null }],
    workers: states.map((state, id) => workerStatus(id, { state })),
  });
}

function start(
  status: () => PoolStatus,
  options: { readonly port?: number; readonly lines?: LogLine[] } = {},
): HttpService {
  const { port = 0, lines = [] } = options;
  return startHttp({
    host: "127.0.0.1",
    port,
    liveness: () => liveness(status()),
    readiness: () => readiness(status()),
    status,
    metricsText: () => Promise.resolve("# figures\n"),
    log: createLog({ level: "debug", write: (line) => lines.push(line) }),
  });
}

async function get({ port }: HttpService, path: string, method = "GET") {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return { response, text: await response.text() };
}

Deno.test("a pool is alive in every phase but failing", () => {
  const phases: readonly PoolPhase[] = [
    "starting",
    "running",
    "draining",
    "switching",
    "stopped",
    "failing",
  ];
  assert.deepEqual(
    phases.filter((phase) => !liveness(statusOf(phase)).ok),
    ["failing"],
  );
});

Deno.test("a failing pool says why", () => {
  const status = { ...statusOf("failing"), failure: "worker 1 hangs" };
  assert.equal(liveness(status).reason, "worker 1 hangs");
  assert.equal(readiness(status).reason, "worker 1 hangs");
});

Deno.test("a pool is ready only while it runs", () => {
  assert.deepEqual(readiness(statusOf("running")), { ok: true });
  const others = [
    "starting",
    "draining",
    "switching",
    "stopped",
    "failing",
  ] as const;
  for (const phase of others) {
    assert.deepEqual(readiness(statusOf(phase)), {
      ok: false,
      reason: `the pool is ${phase}`,
    });
  }
});

Deno.test("a pool is not ready while one of its workers does not run", () => {
  for (const state of ["starting", "retiring", "restarting", "hung"] as const) {
    assert.deepEqual(readiness(statusOf("running", ["running", state])), {
      ok: false,
      reason: `worker 1 is ${state}`,
    });
  }
});

Deno.test("a pool is not ready before the group has said what it has, or once it was dropped", () => {
  const status = { ...statusOf("running"), isAssigned: false };
  assert.deepEqual(readiness(status), {
    ok: false,
    reason: "the group has not assigned partitions",
  });
});

Deno.test("probes answer 200 or 503 with the reason", async () => {
  let status = statusOf("running");
  await using service = start(() => status);
  for (const path of ["/livez", "/readyz"]) {
    status = statusOf("running");
    assert.equal((await get(service, path)).response.status, 200);
    status = { ...statusOf("failing"), failure: "no hope" };
    const { response, text } = await get(service, path);
    assert.equal(response.status, 503);
    assert.deepEqual(JSON.parse(text), { ok: false, reason: "no hope" });
  }
});

Deno.test("the status that is shown is the pool's, without anybody's data", () => {
  const { samples: _, ...expected } = statusOf("running");
  assert.deepEqual(shownStatus(statusOf("running")), expected);
});

Deno.test("the status is what it is given, as JSON", async () => {
  await using service = start(() => statusOf("running"));
  const { response, text } = await get(service, "/status");
  assert.match(response.headers.get("content-type") ?? "", /json/);
  assert.deepEqual(JSON.parse(text), statusOf("running"));
});

Deno.test("metrics are served in Prometheus' format", async () => {
  await using service = start(() => statusOf("running"));
  const { response, text } = await get(service, "/metrics");
  assert.match(
    response.headers.get("content-type") ?? "",
    /^text\/plain; version=0\.0\.4/,
  );
  assert.equal(text, "# figures\n");
});

Deno.test("an unknown path is 404 and names the known ones", async () => {
  await using service = start(() => statusOf("running"));
  const { response, text } = await get(service, "/constructor");
  assert.equal(response.status, 404);
  assert.deepEqual(JSON.parse(text).paths, [
    "/livez",
    "/readyz",
    "/status",
    "/metrics",
  ]);
});

Deno.test("a method that would change something is 405", async () => {
  await using service = start(() => statusOf("running"));
  for (const method of ["POST", "PUT", "DELETE"]) {
    const { response } = await get(service, "/livez", method);
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "GET, HEAD");
  }
});

Deno.test("HEAD answers like GET, without a body", async () => {
  await using service = start(() => statusOf("starting"));
  const { response, text } = await get(service, "/readyz", "HEAD");
  assert.equal(response.status, 503);
  assert.equal(text, "");
});

Deno.test("a status that throws is logged and tells strangers nothing", async () => {
  const lines: LogLine[] = [];
  await using service = start(() => {
    throw new Error("inner detail");
  }, { lines });
  const { response, text } = await get(service, "/status");
  assert.equal(response.status, 500);
  assert.doesNotMatch(text, /inner detail/);
  assert.match(JSON.stringify(lines), /inner detail/);
});

Deno.test("a port in use is one clear error that names the remedy", async () => {
  await using service = start(() => statusOf("running"));
  assert.throws(
    () => start(() => statusOf("running"), { port: service.port }),
    (error) =>
      error instanceof ListenError &&
      error.message.includes(`127.0.0.1:${service.port}`) &&
      error.message.includes("in use") &&
      error.message.includes("HTTP_PORT"),
  );
});

Deno.test("a service that was disposed frees its port", async () => {
  const service = start(() => statusOf("running"));
  await get(service, "/livez");
  await service[Symbol.asyncDispose]();
  await using again = start(() => statusOf("running"), {
    port: service.port,
  });
  assert.equal((await get(again, "/livez")).response.status, 200);
});
