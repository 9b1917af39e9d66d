/**
 * A client of librdkafka in C, with nothing of ours between: `rdkafka_client.c`,
 * compiled against the library that Switchyard works with.
 */
import assert from "node:assert/strict";
import { ensureNative } from "../../src/kafka/native/locate.ts";
import { librarySource } from "../../src/kafka/native/source.ts";
import { type GuardedProcess, startGuarded } from "./guarded_process.ts";
import { LineProcess } from "./line_process.ts";

export interface RdkafkaOptions {
  readonly mode: "produce" | "consume";
  readonly topic: string;
  readonly properties: Readonly<Record<string, string | number>>;
}

export interface RdkafkaRecord {
  readonly partition: number;
  readonly offset: number;
  readonly atMs: number;
  readonly value: string;
}

const source = new URL("rdkafka_client.c", import.meta.url).pathname;

export class RdkafkaClient implements AsyncDisposable {
  static async start(
    { mode, properties, topic }: RdkafkaOptions,
  ): Promise<RdkafkaClient> {
    const folder = await Deno.makeTempDir({ prefix: "switchyard-rdkafka-" });
    const program = await compile(folder);
    const settings = Object.entries(properties)
      .map(([name, value]) => `${name}=${value}`);
    const process = startGuarded([program, mode, topic, ...settings]);
    return new RdkafkaClient(process, folder);
  }

  /** Acknowledged or received, so far, in order. */
  readonly records: RdkafkaRecord[] = [];
  /** What it could not do, for good. */
  readonly errors: string[] = [];
  /** The end of what it wrote besides. */
  readonly complaints: string[] = [];
  readonly #lines: LineProcess;

  private constructor(process: GuardedProcess, folder: string) {
    this.#lines = new LineProcess({
      process,
      folder,
      onLine: (line) => this.#take(line),
      onComplaint: (line) => {
        this.complaints.push(line);
        this.complaints.splice(0, this.complaints.length - 20);
      },
    });
  }

  get alive(): boolean {
    return this.#lines.alive;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#lines[Symbol.asyncDispose]();
  }

  #take(line: string): void {
    const [kind, partition, offset, atMs, ...value] = line.split(" ");
    if (kind === "error") {
      this.errors.push(line);
      return;
    }
    this.records.push({
      partition: Number(partition),
      offset: Number(offset),
      atMs: Number(atMs),
      value: value.join(" "),
    });
  }
}

async function compile(folder: string): Promise<string> {
  const { path } = await ensureNative();
  // The name that the program looks for when it starts.
  const library = `${folder}/librdkafka.so.1`;
  await Deno.symlink(path, library);
  const program = `${folder}/rdkafka_client`;
  const { code, stderr } = await new Deno.Command(Deno.env.get("CC") ?? "cc", {
    args: [
      `-I${librarySource().folder}/src`,
      source,
      library,
      `-Wl,-rpath,${folder}`,
      "-o",
      program,
    ],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return program;
}
