import assert from "node:assert/strict";
import {
  type HistoryOperation,
  HistoryWriter,
  readHistory,
} from "../checker/mod.ts";

async function withFile(use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

async function operationsIn(path: string): Promise<HistoryOperation[]> {
  const all: HistoryOperation[] = [];
  await readHistory(path, (operation) => all.push(operation));
  return all;
}

const send = (id: number): HistoryOperation => ({
  op: "send",
  id,
  key: "ключ",
  partition: 1,
});

Deno.test("a history comes back as it was written, however large", () =>
  withFile(async (path) => {
    const written: HistoryOperation[] = [];
    {
      using writer = HistoryWriter.open(path);
      for (let id = 0; id < 20_000; id++) {
        const operations: HistoryOperation[] = [
          send(id),
          id % 2 === 0
            ? { op: "ack", id, partition: 1, offset: id * 2 ** 20 }
            : { op: "fail", id },
        ];
        writer.write(operations);
        written.push(...operations);
      }
    }
    assert.deepEqual(await operationsIn(path), written);
  }));

Deno.test("what was written is on file before the writer is closed", () =>
  withFile(async (path) => {
    using writer = HistoryWriter.open(path);
    writer.write([send(1)]);
    assert.deepEqual(await operationsIn(path), [send(1)]);
  }));

Deno.test("a line that a killed generator left unfinished is passed over, and cut before more is written", () =>
  withFile(async (path) => {
    await Deno.writeTextFile(path, `${JSON.stringify(send(1))}\n{"op":"se`);
    assert.deepEqual(await operationsIn(path), [send(1)]);
    {
      using writer = HistoryWriter.open(path);
      writer.write([send(2)]);
    }
    assert.deepEqual(await operationsIn(path), [send(1), send(2)]);
  }));

Deno.test("a file with an unfinished line alone begins anew", () =>
  withFile(async (path) => {
    await Deno.writeTextFile(path, "x".repeat(10_000));
    {
      using writer = HistoryWriter.open(path);
      writer.write([send(2)]);
    }
    assert.equal(
      await Deno.readTextFile(path),
      `${JSON.stringify(send(2))}\n`,
    );
  }));

for (
  const line of [
    "{",
    "null",
    '{"op":"send"}',
    '{"op":"ack","id":1,"partition":0}',
    '{"op":"send","id":-1}',
    '{"op":"lose","id":1}',
  ]
) {
  Deno.test(`a line ${line} is refused with its number`, () =>
    withFile(async (path) => {
      await Deno.writeTextFile(path, `${JSON.stringify(send(1))}\n${line}\n`);
      await assert.rejects(operationsIn(path), (error: Error) => {
        assert.ok(error instanceof SyntaxError);
        return error.message.includes(`${path}:2 `);
      });
    }));
}
