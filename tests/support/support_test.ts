/** The test support without brokers. */
import assert from "node:assert/strict";
import { Child } from "./child.ts";
import { freePorts } from "./free_port.ts";
import { maximumJvms, takeJvmSlot } from "./jvm_slots.ts";
import { lastErrors } from "./kafka_broker.ts";
import { loginFields, loginKind, loginRecord } from "./login_fixture.ts";
import { isRunning } from "./process_state.ts";
import { eventually, within } from "./wait.ts";

const requireJava = import.meta.resolve("./require_java.ts");

Deno.test("a port is given out once, though nobody listens there yet", () => {
  const ports = Array.from({ length: 1_000 }, () => freePorts(1)[0]);
  assert.equal(new Set(ports).size, ports.length);
});

Deno.test("a fifth JVM is refused by an error that names the others", () => {
  using slots = new DisposableStack();
  for (let taken = 0; taken < maximumJvms; taken++) {
    slots.use(takeJvmSlot(`broker ${taken}`));
  }
  assert.throws(() => takeJvmSlot("one more"), /one more.*broker 0.*broker 3/s);
  slots.dispose();
  takeJvmSlot("one more")[Symbol.dispose]();
});

Deno.test("without Java a test is reported as not run, under CI as failed", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/without_java_test.ts`;
    await Deno.writeTextFile(
      file,
      `import { realKafkaTest } from "${requireJava}";
       realKafkaTest("needs a broker", () => {});`,
    );
    const run = async (ci: string) => {
      await using child = Child.deno(["test", "-A", "--no-check", file], {
        env: { PATH: folder, CI: ci },
      });
      const { code } = await child.exit(60_000);
      const lines = [...child.lines("stdout"), ...child.lines("stderr")];
      return { code, output: lines.join("\n") };
    };
    const missing = /java is missing; install it with: (apt-get|brew) install/;

    const locally = await run("");
    assert.equal(locally.code, 0);
    assert.match(locally.output, /not run: needs a broker/);
    assert.match(locally.output, missing);
    assert.match(locally.output, /0 passed .* 1 ignored/);

    const underCi = await run("true");
    assert.notEqual(underCi.code, 0);
    assert.match(underCi.output, missing);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a child's lines can be awaited, past ones as well", async () => {
  await using child = Child.deno([
    "eval",
    `console.log("one\\ntwo");
    Deno.addSignalListener("SIGTERM", () => Deno.exit(7));
    console.error("ready"); setInterval(() => {}, 1000);`,
  ]);
  assert.equal(await child.waitForLine(/ready/, { stream: "stderr" }), "ready");
  assert.equal(await child.waitForLine(/^t/), "two");
  await assert.rejects(
    child.waitForLine(/ready/, { stream: "stdout", timeoutMs: 1 }),
    /not said .ready. within[^]*stdout: two/,
  );
  child.signal("SIGTERM");
  assert.equal((await child.exit()).code, 7);
  assert.deepEqual(child.lines("stdout"), ["one", "two"]);
  await assert.rejects(child.waitForLine(/three/), /ended without a line/);
});

Deno.test("a child that is left running is killed at its disposal", async () => {
  const child = Child.deno(["eval", "setInterval(() => {}, 1000)"]);
  await assert.rejects(child.exit(1), /not ended within/);
  await child[Symbol.asyncDispose]();
  assert.equal((await child.exit()).signal, "SIGKILL");
  assert.equal(isRunning(child.pid), false);
});

Deno.test("of a broker's log the last errors are told, with their reasons", () => {
  const log = `12:00:00.000 [main] INFO kafka.Kafka - an ERROR is no error
12:00:01.000 [data-plane-1] ERROR kafka.server.ReplicaManager - failed
org.apache.kafka.common.errors.Reason: it is so
\tat kafka.Somewhere
12:00:02.000 [main] WARN kafka.Kafka - well`;
  assert.deepEqual(lastErrors(log), log.split("\n").slice(1, 3));
  assert.equal(lastErrors(`${log}\n`.repeat(30)).length, 20);
});

Deno.test("waiting ends with the value, or says what it saw last", async () => {
  let calls = 0;
  const options = { what: "at three", everyMs: 1 };
  assert.equal(await eventually(() => ++calls === 3 && calls, options), 3);
  await assert.rejects(
    eventually(() => false, { ...options, timeoutMs: 5 }),
    /not at three within 5 ms \(last value false\)/,
  );
  await assert.rejects(
    eventually(() => false, { ...options, signal: AbortSignal.abort("off") }),
    (reason) => reason === "off",
  );
  const never = new Promise(() => {});
  await assert.rejects(within(never, 1, "done"), /not done within 1 ms/);
});

Deno.test("a login depends on seed and index alone", () => {
  const options = { seed: 3, malformedShare: 0.5 };
  const twice = [5, 99_999, 5].map((index) => loginRecord(index, options));
  loginRecord(5, { seed: 4 });
  assert.deepEqual(twice[0], loginRecord(5, options));
  assert.deepEqual(twice[0], twice[2]);
  assert.notDeepEqual(loginRecord(5, { seed: 4 }), loginRecord(5, { seed: 3 }));
});

Deno.test("a valid login is its fields as JSON of about 255 bytes", () => {
  const options = { seed: 3 };
  for (let index = 0; index < 1_000; index++) {
    const { key, value } = loginRecord(index, options);
    const fields = loginFields(index, options);
    assert.equal(new TextDecoder().decode(value!), JSON.stringify(fields));
    assert.equal(key, fields.user_id);
    assert.ok(Math.abs(value!.length - 255) <= 15, `${value!.length} bytes`);
  }
});

Deno.test("malformed logins have the share asked for, of every kind", () => {
  const kinds = Map.groupBy(
    Array.from({ length: 20_000 }, (_, index) => index),
    (index) => loginKind(index, { seed: 3, malformedShare: 0.1 }),
  );
  const valid = kinds.get("valid")!.length;
  assert.ok(Math.abs(valid - 18_000) < 300, `${valid} valid`);
  assert.equal(kinds.size, 9);
});
