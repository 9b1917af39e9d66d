import assert from "node:assert/strict";
import { root } from "../support/compose_file.ts";
import { OURS } from "../support/metric_catalogue.ts";

const text = Deno.readTextFileSync(`${root}docs/operations.md`);
const codes = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);

Deno.test("docs/operations.md names each metric of ours, and none that there is not", () => {
  const families = new Set(
    Object.keys(OURS).map((name) => name.replace(/_(bucket|sum|count)$/, "")),
  );
  const named = codes.filter((code) =>
    /^(switchyard|kafka|messaging|process)_[a-z_]+$/.test(code) &&
    code !== "messaging_operation_name"
  );
  assert.deepEqual([...new Set(named)].sort(), [...families].sort());
});

Deno.test("docs/operations.md names variables that OpenTelemetry or we read", async () => {
  const known = new Set<string>();
  for (const folder of await sources()) {
    for (const name of await variablesIn(folder)) known.add(name);
  }
  const named = codes.filter((code) => /^OTEL_[A-Z_]+$/.test(code));
  assert.ok(named.length > 5);
  assert.deepEqual(named.filter((name) => !known.has(name)), []);
});

Deno.test("links of docs/operations.md lead somewhere", async () => {
  const links = [...text.matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)]
    .map(([, path, anchor]) => ({ path: path!, anchor }))
    .filter(({ path }) => !path.startsWith("http"));
  for (const { path, anchor } of links) {
    const target = await Deno.readTextFile(`${root}docs/${path}`);
    if (anchor === undefined) continue;
    const headings = [...target.matchAll(/^#+ (.*)$/gm)]
      .map(([, heading]) => anchorOf(heading!));
    assert.ok(headings.includes(anchor), `${path}${anchor}`);
  }
});

const anchorOf = (heading: string): string =>
  "#" + heading.toLowerCase().replaceAll(/[^a-z0-9 _-]/g, "")
    .replaceAll(" ", "-");

/** Of the SDK's packages, and our own. */
async function sources(): Promise<string[]> {
  const packages = `${root}node_modules/.deno`;
  const folders = [`${root}src/telemetry/otel`];
  for await (const { name } of Deno.readDir(packages)) {
    if (!/^@opentelemetry\+(sdk|otlp-exporter|core|res)/.test(name)) continue;
    const scope = `${packages}/${name}/node_modules/@opentelemetry`;
    for await (const each of Deno.readDir(scope)) {
      if (each.isDirectory) folders.push(`${scope}/${each.name}/dist`);
    }
  }
  return folders;
}

async function variablesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { isDirectory, name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await variablesIn(path));
    else if (/\.[mc]?[jt]s$/.test(name)) {
      const source = await Deno.readTextFile(path);
      for (const [variable] of source.matchAll(/\bOTEL_[A-Z_]+/g)) {
        found.push(variable);
      }
    }
  }
  return found;
}
