import assert from "node:assert/strict";
import { ask, livezOf } from "../../src/commands/health.ts";
import { json, startServer } from "../../src/telemetry/http_server.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { Child } from "../support/child.ts";

const LONG_MS = 30_000;

function answering(respond: () => Response) {
  return startServer({
    host: "127.0.0.1",
    port: 0,
    routes: { "/livez": respond },
    log: createLog({ level: "error", write: () => {} }),
  });
}

const asked = ({ port }: { readonly port: number }) =>
  ask(livezOf("127.0.0.1", port), LONG_MS);

Deno.test("health is 0 while /livez says yes, and 1 when it says no or is gone", async () => {
  let isAlive = true;
  const server = answering(() => json(isAlive ? 200 : 503, { ok: isAlive }));
  assert.equal(await asked(server), 0);
  isAlive = false;
  assert.equal(await asked(server), 1);
  await server[Symbol.asyncDispose]();
  assert.equal(await asked(server), 1);
});

Deno.test("health does not wait for ever for one that accepts and says nothing", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assert.equal(await ask(livezOf("127.0.0.1", silent.addr.port), 50), 1);
});

Deno.test("health asks this machine where all addresses are listened on", () => {
  assert.equal(livezOf("0.0.0.0", 80), "http://127.0.0.1:80/livez");
  assert.equal(livezOf("::", 80), "http://[::1]:80/livez");
  assert.equal(livezOf("pool", 80), "http://pool:80/livez");
});

Deno.test("health needs a port that is known", async () => {
  await using child = Child.deno(
    ["run", "-A", "--no-check", "src/main.ts", "health"],
    { env: { HTTP_PORT: "0" } },
  );
  const { code } = await child.exit(60_000);
  assert.equal(code, 2);
  assert.match(child.lines("stderr").join("\n"), /HTTP_PORT/);
});
