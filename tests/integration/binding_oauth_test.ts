import assert from "node:assert/strict";
import { Admin, Consumer, KafkaError, Producer } from "../../src/kafka/mod.ts";
import { library, nextEvent } from "../support/embedded.ts";

const OAUTH = {
  "bootstrap.servers": "127.0.0.1:1",
  "log_level": 0,
  "security.protocol": "sasl_plaintext",
  "sasl.mechanisms": "OAUTHBEARER",
} as const;

const inAnHour = () => Date.now() + 3_600_000;

Deno.test("each kind of client asks for an OAuth token and takes it", async () => {
  const properties = { ...OAUTH, "sasl.oauthbearer.config": "scope=logins" };
  await using consumer = new Consumer(library, {
    ...properties,
    "group.id": "group",
  });
  await using producer = new Producer(library, properties);
  await using admin = new Admin(library, properties);

  for (const client of [consumer, producer, admin]) {
    const { config } = await nextEvent(client, "tokenRefresh");
    assert.equal(config, "scope=logins");
    client.setOauthToken({
      value: "token",
      expiresAtMs: inAnHour(),
      principal: "switchyard",
      extensions: { logicalCluster: "lkc-1", identityPoolId: "pool-2" },
    });
  }
});

Deno.test("a token that has expired or has impossible extensions is refused", async () => {
  await using producer = new Producer(library, OAUTH);
  const token = {
    value: "token",
    expiresAtMs: inAnHour(),
    principal: "switchyard",
  };

  assert.throws(
    () => producer.setOauthToken({ ...token, expiresAtMs: 1 }),
    KafkaError,
  );
  assert.throws(
    () => producer.setOauthToken({ ...token, extensions: { "a-b": "c" } }),
    /OAuth token: .*a-b/,
  );
});

Deno.test("a token that could not be had becomes an error event", async () => {
  await using producer = new Producer(library, OAUTH);
  await nextEvent(producer, "tokenRefresh");

  producer.setOauthTokenFailure("the issuer is asleep");

  const { error } = await nextEvent(producer, "error");
  assert.equal(error.codeName, "_AUTHENTICATION");
  assert.match(error.message, /the issuer is asleep/);
});

Deno.test("a token that is about to expire is asked for again", async () => {
  await using producer = new Producer(library, OAUTH);
  await nextEvent(producer, "tokenRefresh");

  producer.setOauthToken({
    value: "token",
    expiresAtMs: Date.now() + 1_500,
    principal: "switchyard",
  });

  await nextEvent(producer, "tokenRefresh");
});

Deno.test("method oidc gets its token by itself, without an event", async () => {
  const asked = Promise.withResolvers<string>();
  const encode = (part: object) =>
    new TextEncoder().encode(JSON.stringify(part))
      .toBase64({ alphabet: "base64url", omitPadding: true });
  const seconds = Math.floor(Date.now() / 1000);
  const token =
    [{ alg: "none" }, { sub: "me", iat: seconds, exp: seconds + 60 }]
      .map(encode).join(".") + ".c2ln";
  await using issuer = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const by = request.headers.get("authorization");
      asked.resolve(`${request.method} ${by}`);
      return Response.json({ access_token: token, expires_in: 60 });
    },
  );
  await using producer = new Producer(library, {
    ...OAUTH,
    "sasl.oauthbearer.method": "oidc",
    "sasl.oauthbearer.client.id": "id",
    "sasl.oauthbearer.client.secret": "secret",
    "sasl.oauthbearer.token.endpoint.url":
      `http://127.0.0.1:${issuer.addr.port}/token`,
  });

  assert.equal(await asked.promise, `POST Basic ${btoa("id:secret")}`);
  // Only a client that has its token tries to connect.
  const { error } = await nextEvent({
    poll: async (timeoutMs) => {
      const event = await producer.poll(timeoutMs);
      assert.notEqual(event?.kind, "tokenRefresh");
      return event;
    },
  }, "error");
  assert.equal(error.codeName, "_TRANSPORT");
});
