import assert from "node:assert/strict";
import { permissions } from "../../src/commands/drill/permissions.ts";
import { HELP } from "../../src/commands/help.ts";
import { leavesOf } from "../../src/config/field.ts";
import { settingsSchema } from "../../src/config/table.ts";
import {
  DOCKERFILE,
  dockerfile,
  execForm,
  type Instruction,
  pairsOf,
  projectRoot,
  type Stage,
  stagesOf,
  valuesOf,
} from "../support/dockerfile.ts";
import { hadolintTest } from "../support/require_hadolint.ts";

const stages = dockerfile();
const last = stages.at(-1)!;
const [entrypoint = []] = valuesOf(last, "ENTRYPOINT").map(execForm);
const health = execForm(
  valuesOf(last, "HEALTHCHECK")[0]!.replace(/^CMD\s+/, ""),
);
const environment = pairsOf(valuesOf(last, "ENV").join(" "));
const config: {
  readonly tasks: Readonly<Record<string, string>>;
} = JSON.parse(Deno.readTextFileSync(`${projectRoot}/deno.json`));

const from = ({ flags }: Instruction) =>
  flags.find((flag) => flag.startsWith("--from="))?.slice("--from=".length);
const copies = ({ instructions }: Stage) =>
  instructions.filter(({ name }) => name === "COPY");
const sourcesOf = ({ value }: Instruction) => value.split(/\s+/).slice(0, -1);
const copiedFromContext = (stage: Stage) =>
  copies(stage).filter((copy) => from(copy) === undefined).flatMap(sourcesOf);
const flagged = (words: readonly string[], prefix: string) =>
  words.filter((word) => word.startsWith(prefix));

Deno.test("everything that the Dockerfile copies is there, and not ignored", () => {
  const lines = Deno.readTextFileSync(`${projectRoot}/.dockerignore`)
    .split("\n").filter((line) => line.startsWith("!"));
  const taken = lines.map((line) => line.slice(1));
  const paths = stages.flatMap(copiedFromContext);
  assert.ok(paths.length > 10);
  for (const path of paths) {
    Deno.statSync(`${projectRoot}/${path}`);
    assert.ok(
      taken.some((each) => path === each || path.startsWith(`${each}/`)),
      path,
    );
  }
});

Deno.test("what one stage takes from another, that has made", () => {
  const names = stages.map(({ name }) => name);
  for (const [index, stage] of stages.entries()) {
    for (const copy of copies(stage)) {
      const source = from(copy);
      if (source === undefined) continue;
      assert.ok(names.slice(0, index).includes(source), copy.value);
    }
  }
  assert.equal(last.name, null);
  assert.equal(last.from, "scratch");
});

Deno.test("tasks and scripts that the build runs are those of the project", () => {
  const runs = stages.flatMap((stage) => valuesOf(stage, "RUN")).join("\n");
  const tasks = [...runs.matchAll(/deno task ([\w-]+)/g)];
  const scripts = [...runs.matchAll(/deploy\/image\/[\w.]+/g)];
  assert.deepEqual(tasks.map(([, task]) => task), ["native"]);
  for (const [, task] of tasks) assert.ok(task! in config.tasks);
  assert.equal(scripts.length, 3);
  for (const [script] of scripts) Deno.statSync(`${projectRoot}/${script}`);
});

Deno.test("all that builds librdkafka is copied for that", async () => {
  const stage = stages.find(({ name }) => name === "native")!;
  const copied = copiedFromContext(stage);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "src/commands/native.ts"],
    cwd: projectRoot,
  }).output();
  const { modules }: { modules: readonly { readonly local?: string }[] } = JSON
    .parse(new TextDecoder().decode(stdout));
  const needed = modules.flatMap(({ local = "" }) =>
    local.startsWith(`${projectRoot}/src/`)
      ? [local.slice(projectRoot.length + 1)]
      : []
  );
  assert.ok(needed.length > 10);
  for (const path of ["src/main.ts", ...needed]) {
    assert.ok(
      copied.some((each) => path === each || path.startsWith(`${each}/`)),
      path,
    );
  }
});

Deno.test("each variable is a setting, or one of Deno", () => {
  const settings = leavesOf(settingsSchema.shape).map(({ field }) => field.env);
  for (const name of environment.keys()) {
    assert.ok(/^(DENO_|PATH$)/.test(name) || settings.includes(name), name);
  }
  assert.deepEqual(valuesOf(last, "EXPOSE"), [environment.get("HTTP_PORT")]);
  const targets = copies(last).map(({ value }) => value.split(/\s+/).at(-1));
  assert.ok(targets.includes(environment.get("LIBRDKAFKA_PATH")));
  assert.ok(
    targets.some((each) => each!.startsWith(environment.get("DENO_DIR")!)),
  );
});

Deno.test("it starts commands of ours, by the program that is copied", () => {
  const deno = copies(last).find((copy) => from(copy) === "deno")!;
  const program = deno.value.split(/\s+/).at(-1);
  const [command] = execForm(valuesOf(last, "CMD")[0]!);
  for (const words of [entrypoint, health]) {
    assert.equal(words[0], program);
    assert.ok(words.includes("/app/src/main.ts"));
  }
  for (const each of [command!, health.at(-1)!]) {
    assert.ok(each in HELP, each);
  }
  assert.equal(entrypoint.at(-1), "/app/src/main.ts");
});

Deno.test("it permits what a drill's roles are permitted, and V8 gets what tasks give", () => {
  const own = permissions().map((each) =>
    each.replace(Deno.execPath(), entrypoint[0]!)
      .replace(/(--allow-write)=.*/, "$1=/tmp")
  );
  assert.deepEqual(flagged(entrypoint, "--allow"), own);
  assert.ok(!entrypoint.includes("-A"));
  for (const permission of flagged(health, "--allow")) {
    const [name] = permission.split("=");
    assert.ok(own.some((each) => each.startsWith(name!)), permission);
  }
  const flags = flagged(config.tasks["start"]!.split(" "), "--v8-flags");
  assert.equal(flags.length, 1);
  assert.deepEqual(flagged(entrypoint, "--v8-flags"), flags);
});

Deno.test("it runs as a user by number that is not root, and without a shell", () => {
  const users = valuesOf(last, "USER");
  assert.equal(users.length, 1);
  assert.match(users[0]!, /^[1-9]\d*:[1-9]\d*$/);
  assert.deepEqual(valuesOf(last, "RUN"), []);
});

Deno.test("its bases have versions, and Deno's is the one that is tested", () => {
  const ci = Deno.readTextFileSync(`${projectRoot}/.ci/run`);
  const [, tested] = /^readonly deno_version=(\S+)$/m.exec(ci) ?? [];
  const bases = stages.map((stage) => stage.from)
    .filter((base) => base.includes("/"));
  assert.equal(bases.length, 2);
  for (const base of bases) assert.match(base, /^[\w.]+\/[\w/]+:[\w.-]*\d/);
  assert.ok(bases.includes(`docker.io/denoland/deno:bin-${tested}`));
});

Deno.test("continued lines, comments between them and arguments are read", () => {
  const [one, two] = stagesOf(
    "ARG BASE=debian:1\nFROM ${BASE} AS a\n# no\nRUN x \\\n  # y\n  && z\n" +
      'FROM a\nCOPY --from=a --link /b \\\n  c d/\nENV A=1 \\\n  B="two words"\n',
  );
  assert.deepEqual([one!.from, one!.name], ["debian:1", "a"]);
  assert.deepEqual(valuesOf(one!, "RUN"), ["x && z"]);
  assert.equal(from(two!.instructions[0]!), "a");
  assert.deepEqual(sourcesOf(two!.instructions[0]!), ["/b", "c"]);
  assert.deepEqual(
    [...pairsOf(valuesOf(two!, "ENV")[0]!)],
    [["A", "1"], ["B", "two words"]],
  );
});

hadolintTest("hadolint finds nothing in the Dockerfile", async (findings) => {
  const text = Deno.readTextFileSync(DOCKERFILE);
  assert.equal(await findings(text), "");
  assert.match(await findings(`${text}\nUSER root\n`), /DL3002/);
});
