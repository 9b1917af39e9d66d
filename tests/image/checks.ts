/** What must hold of the built image. Each returns its figure. */
import assert from "node:assert/strict";
import type { Child } from "../support/child.ts";
import { projectRoot } from "../support/dockerfile.ts";
import { freePorts } from "../support/free_port.ts";
import { cleanEnd, logOf } from "../support/job_process.ts";
import { eventually } from "../support/wait.ts";
import { type Image, statusField } from "./container.ts";
import { partsListed, programsIn } from "./files.ts";
import { lastingZombies } from "./zombies.ts";

export interface Check {
  readonly name: string;
  readonly check: (image: Image) => string | Promise<string>;
}

const START_MS = 60_000;
const DRILL_MS = 300_000;
/** As platforms choose one that no image knows. */
const NAMELESS_USER = "1000690000:0";

const started = (job: Child) =>
  job.waitForLine(/"message":"started"/, { timeoutMs: START_MS });

/** A port that is free: here the network is the machine's. */
function quick(): Record<string, string> {
  const [port] = freePorts(1);
  return { HTTP_PORT: String(port), EMBEDDED_RATE: "20000", WORKERS: "2" };
}

export const CHECKS: readonly Check[] = [
  {
    name: "no program is in it but Deno",
    check: ({ root }) => {
      const programs = programsIn(root);
      assert.deepEqual(programs, ["/usr/local/bin/deno"]);
      return programs.join();
    },
  },
  {
    name: "the list of parts names them all",
    check: ({ config: { Labels }, root }) => {
      const parts = partsListed(`${root}${Labels["switchyard.sbom"]}`);
      for (const part of ["deno", "librdkafka", "zod", "libssl3", "libc6"]) {
        assert.ok(parts.includes(part), part);
      }
      assert.ok(!parts.includes("fast-check"), "a package of tests");
      return `${parts.length} parts`;
    },
  },
  {
    name: "start --messages ends with its summary",
    check: async (image) => {
      const command = ["start", "--messages", "20000"];
      await using container = image.run({ command, env: quick() });
      const { consumed, seconds } = await cleanEnd(container.child, START_MS);
      assert.equal(consumed, 20_000);
      return `${consumed} records in ${seconds} s`;
    },
  },
  {
    name: "the default command is process 1, without rights, and cannot write",
    check: async (image) => {
      await using container = image.run({ env: quick() });
      await started(container.child);
      const pid = await container.first();
      const inside = statusField(pid, "NSpid").at(-1);
      const ids = [...statusField(pid, "Uid"), ...statusField(pid, "Gid")];
      const [capabilities] = statusField(pid, "CapEff");
      const groups = statusField(pid, "Groups");
      assert.equal(inside, "1");
      assert.deepEqual(new Set(ids), new Set(["65532"]));
      assert.match(capabilities!, /^0+$/);
      assert.deepEqual(groups, []);
      // Not even root could: what it wrote is all in /tmp, and that is nothing.
      for (const folder of ["", "/app", "/deno-dir", "/etc/switchyard"]) {
        assert.throws(
          () => Deno.writeTextFileSync(`/proc/${pid}/root${folder}/x`, ""),
          /Read-only file system/,
        );
      }
      const written = Deno.readDirSync(`/proc/${pid}/root/tmp`).toArray();
      assert.deepEqual(written, []);
      return `uid ${ids[0]}, no capability, /tmp empty`;
    },
  },
  {
    name: "SIGTERM to process 1 drains",
    check: async (image) => {
      const env = quick();
      await using container = image.run({ env });
      await started(container.child);
      const pid = await container.first();
      await eventually(() => consumedAt(env), { what: "consumed something" });
      Deno.kill(pid, "SIGTERM");
      const summary = await cleanEnd(container.child, START_MS);
      const draining = logOf(container.child).find(({ message }) =>
        message === "draining"
      );
      assert.equal(draining?.signal, "SIGTERM");
      return `${summary.consumed} records settled`;
    },
  },
  {
    name: "the health check passes, and fails when it hangs or is gone",
    check: async (image) => {
      const env = quick();
      await using container = image.run({ env });
      await started(container.child);
      const pid = await container.first();
      assert.equal(await image.health(env), 0);
      Deno.kill(pid, "SIGSTOP");
      assert.equal(await image.health(env), 1, "stopped");
      Deno.kill(pid, "SIGCONT");
      assert.equal(await image.health(env), 0, "goes on");
      Deno.kill(pid, "SIGTERM");
      await cleanEnd(container.child, START_MS);
      assert.equal(await image.health(env), 1, "gone");
      return "0, 1 stopped, 0, 1 gone";
    },
  },
  {
    name: "exactly once with a user that has no name, its lock in /tmp",
    check: async (image) => {
      await using container = image.run({
        command: ["start", "--messages", "2000"],
        env: { ...quick(), GUARANTEE: "exactly-once" },
        user: NAMELESS_USER,
      });
      const { consumed } = await cleanEnd(container.child, START_MS);
      const { instance } = logOf(container.child).find(({ message }) =>
        message === "started"
      )!;
      assert.equal(consumed, 2_000);
      return `instance ${instance}`;
    },
  },
  {
    name: "a processor that is mounted uses our packages",
    check: async (image) => {
      await using container = image.run({
        command: ["start", "--messages", "2000"],
        env: { ...quick(), PROCESSOR: "/etc/switchyard/mounted.ts" },
        settings: `${projectRoot}/tests/image/processors`,
      });
      const { consumed, skipped } = await cleanEnd(container.child, START_MS);
      assert.equal(consumed, 2_000);
      assert.ok(skipped > 0, "it skips logins of iOS");
      return `${skipped} skipped`;
    },
  },
  {
    name: "a drill fails over, and leaves no zombies",
    check: async (image) => {
      // How fast it is on a busy machine is not what is asked here.
      const most = ["--max-rto", "120s", "--max-rpo", "120s"];
      const command = ["drill", "--json", ...most];
      await using container = image.run({ command });
      const pid = await container.first();
      const zombies = lastingZombies(pid);
      const { code } = await container.child.exit(DRILL_MS);
      const [line = ""] = container.child.lines("stdout").slice(-1);
      assert.equal(code, 0, line || container.child.lines("stderr").join("\n"));
      const report = JSON.parse(line);
      assert.deepEqual(await zombies, []);
      return `recovered in ${report.firstRecordMs} ms`;
    },
  },
  {
    name: "status says that there is nothing, and lacks no permission",
    check: async (image) => {
      const nobody = { PRIMARY_BROKERS: "127.0.0.1:1" };
      await using container = image.run({
        command: ["status"],
        env: { ...nobody, SECONDARY_BROKERS: "127.0.0.1:2" },
      });
      const { code } = await container.child.exit(START_MS);
      const said = [
        ...container.child.lines("stdout"),
        ...container.child.lines("stderr"),
      ].join("\n");
      assert.doesNotMatch(said, /NotCapable|PermissionDenied/);
      assert.equal(code, 1, said);
      return `exit status ${code}`;
    },
  },
];

async function consumedAt({ HTTP_PORT }: Record<string, string>) {
  const status = await (await fetch(`http://127.0.0.1:${HTTP_PORT}/status`))
    .json();
  return status.totals.consumed > 0;
}
