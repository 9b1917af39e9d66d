/** Each command of docs/disaster-recovery.md, run as it stands there. */
import assert from "node:assert/strict";
import { Child } from "../support/child.ts";
import { freePorts } from "../support/free_port.ts";
import { withoutOurs } from "../support/job_process.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { ELSEWHERE, runbookCommands } from "../support/runbook_commands.ts";

const root = new URL("../../", import.meta.url);
const topic = "orders";
const committed = { isolation: "read_committed" } as const;
const endMs = 120_000;

realKafkaTest(
  "the runbook's commands bring a cluster pair over and home again",
  async () => {
    await using pair = await MirrorPair.start();
    const runbook = await Runbook.read(pair);
    try {
      await follow(pair, runbook);
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
    assert.deepEqual(runbook.notRun, Object.keys(ELSEWHERE));
  },
);

async function follow(pair: MirrorPair, runbook: Runbook): Promise<void> {
  const { source, target } = pair;
  const write = ({ client }: typeof source, value: string) =>
    client.produce(topic, [{ key: "k", value }]);
  await pair.create(topic, 1);

  const sentinel = runbook.start("sentinel");
  await using _sentinel = sentinel;
  await sentinel.waitForLine(/"message":"started"/, { timeoutMs: endMs });
  assert.match(await runbook.run("doctor"), /no broker id in common/);

  // As planned, and home again.
  let mirror = pair.mirror([topic]);
  await mirror.running();
  await write(source, "one");
  await runbook.run('failover --planned --reason "maintenance"');
  await mirror.stop();
  await write(target, "two");
  await comeHome(runbook);

  // Without the primary.
  mirror = pair.mirror([topic]);
  await mirror.running();
  await write(source, "three");
  await pair.caughtUp([topic], [mirror]);
  await mirror.stop();
  await write(source, "tail");
  await source.cluster.brokers[0]!.kill();
  assert.match(await runbook.run("failover --cancel"), /nothing to give up/);
  assert.match(await runbook.run("failover --dry-run"), /seal/);
  await runbook.run('failover --reason "primary is gone"');
  assert.match(await runbook.run("failover"), /nothing to do/);
  assert.match(await runbook.run("status"), /secondary/);
  await write(target, "four");

  await source.cluster.brokers[0]!.restart();
  await source.admin.describeCluster({ timeoutMs: 60_000 });
  assert.match(await runbook.run("failback --dry-run"), /orders.*replay/);
  await runbook.run("failback --cancel");
  await comeHome(runbook);
  const values = async ({ client }: typeof source) =>
    (await client.readTopic(topic, committed))
      .map(({ value }) => new TextDecoder().decode(value!));
  const before = ["one", "two", "three"];
  assert.deepEqual(await values(source), [...before, "tail", "four"]);
  assert.deepEqual(await values(target), [...before, "four", "tail"]);
  sentinel.signal("SIGTERM");
  assert.equal((await sentinel.exit(endMs)).code, 0, told(sentinel));

  await runbook.drill("drill");
  await runbook.drill("drill --scenario both-down --seed 7 --json");
  await runbook.drill("drill --clusters --scenario cut");
}

async function comeHome(runbook: Runbook): Promise<void> {
  await using back = runbook.start("mirror --from secondary");
  await runbook.run("failback");
  await runbook.run("failback --switch");
  back.signal("SIGTERM");
  assert.equal((await back.exit(endMs)).code, 0, told(back));
  assert.match(await runbook.run("status"), /primary/);
}

/** The document's commands, and which of them were run. */
class Runbook {
  static async read({ source, target }: MirrorPair): Promise<Runbook> {
    const commands = await runbookCommands();
    const { tasks } = JSON.parse(
      await Deno.readTextFile(new URL("deno.json", root)),
    );
    return new Runbook(commands, tasks, {
      ...withoutOurs(),
      PRIMARY_BROKERS: source.cluster.bootstrapServers,
      SECONDARY_BROKERS: target.cluster.bootstrapServers,
      MIRROR_TOPICS: topic,
      MIRROR_LANES: "2",
      SENTINEL_MODE: "advise",
      SENTINEL_TOPICS: topic,
      STATE_REPLICATION_FACTOR: "1",
      GATEWAY_LISTEN: `127.0.0.1:${freePorts(1)[0]}`,
      HTTP_PORT: "0",
    });
  }

  readonly #commands: ReadonlySet<string>;
  readonly #tasks: Readonly<Record<string, string>>;
  readonly #env: Record<string, string>;
  readonly #run = new Set<string>();

  private constructor(
    commands: ReadonlySet<string>,
    tasks: Readonly<Record<string, string>>,
    env: Record<string, string>,
  ) {
    this.#commands = commands;
    this.#tasks = tasks;
    this.#env = env;
  }

  get notRun(): string[] {
    return [...this.#commands].filter((each) => !this.#run.has(each));
  }

  /** As `deno task` does, without it in between: a kill must hit the command. */
  start(command: string): Child {
    assert.ok(this.#commands.has(command), `no "${command}" is documented`);
    this.#run.add(command);
    const [task, ...args] = wordsOf(command);
    const [program, ...words] = wordsOf(this.#tasks[task!]!);
    assert.equal(program, "deno");
    return Child.deno([...words, ...args], { env: this.#env });
  }

  /** To its end, which must be a good one. @returns what it said. */
  async run(command: string): Promise<string> {
    await using child = this.start(command);
    const { code } = await child.exit(endMs);
    assert.equal(code, 0, `${command}\n${told(child)}`);
    return told(child);
  }

  /** How fast a machine under tests is, is not the matter here. */
  async drill(command: string): Promise<void> {
    await using child = this.start(command);
    const { code } = await child.exit(endMs);
    const said = `${command}\n${told(child)}`;
    assert.ok(code === 0 || code === 1, said);
    assert.match(said, /"violations":\[\]|^drill .*: (met|NOT MET),/m);
    assert.doesNotMatch(said, /^violation: /m);
  }
}

/** As a shell takes them apart. */
const wordsOf = (command: string) =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)]
    .map(([, quoted, plain]) => quoted ?? plain!);

const told = (child: Child) =>
  [...child.lines("stdout"), ...child.lines("stderr")].join("\n");
