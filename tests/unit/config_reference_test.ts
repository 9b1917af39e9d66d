import assert from "node:assert/strict";
import { loadSettings } from "../../src/config/mod.ts";
import { topicRules } from "../../src/config/examples.ts";
import { renderReference } from "../../src/config/reference.ts";
import { leavesOf } from "../../src/config/field.ts";
import { groups, settingsSchema } from "../../src/config/table.ts";

const page = renderReference();

Deno.test("docs/configuration.md is what the table of settings gives", async () => {
  const written = await Deno.readTextFile(
    new URL("../../docs/configuration.md", import.meta.url),
  );
  assert.equal(
    written,
    page,
    "run: deno run -A src/config/reference.ts --write",
  );
});

Deno.test("every setting is on the reference page, once, in a group", () => {
  assert.deepEqual(
    groups.flatMap(({ shape }) => leavesOf(shape).map(({ path }) => path)),
    leavesOf(settingsSchema.shape).map(({ path }) => path),
  );
});

Deno.test("no two settings share an environment variable", () => {
  const names = leavesOf(settingsSchema.shape).map(({ field }) => field.env);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("every limit has its reason", () => {
  const without = leavesOf(settingsSchema.shape).filter(({ field }) =>
    field.form === "value" && field.kind.type.includes("number") &&
    field.why === undefined
  );
  assert.deepEqual(without.map(({ path }) => path), []);
});

Deno.test("every example file on the page loads", () => {
  const examples = [...page.matchAll(/```jsonc\n(.*?)```/gs)];
  assert.ok(examples.length >= 6);
  for (const [, text = ""] of examples) {
    loadSettings({
      env: {
        SWITCHYARD_CONFIG: "s.jsonc",
        KAFKA_API_KEY: "key",
        KAFKA_API_SECRET: "secret",
      },
      readTextFile: (path) => path === "s.jsonc" ? text : "secret",
      hardwareConcurrency: 2,
      hostname: "host-1",
    });
  }
});

Deno.test("every example variable on the page is known", () => {
  const examples = [...page.matchAll(/^([A-Z_]+)=(\S+)$/gm)];
  assert.ok(examples.length >= 3);
  const { settings } = loadSettings({
    env: Object.fromEntries(
      // As a shell reads them.
      examples.map(([, name, value = ""]) => [
        name,
        value.replace(/^'(.*)'$/, "$1"),
      ]),
    ),
    readTextFile: () => "",
    hardwareConcurrency: 2,
    hostname: "host-1",
  });
  assert.equal(settings.primary.kafka["security.protocol"], "SASL_SSL");
  const ofFile = loadSettings({
    env: { SWITCHYARD_CONFIG: "s.jsonc" },
    readTextFile: () => topicRules,
    hardwareConcurrency: 2,
    hostname: "host-1",
  }).settings.mirror;
  assert.deepEqual(settings.mirror, ofFile);
});
