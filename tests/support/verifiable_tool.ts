/**
 * Kafka's own command-line clients for tests, unmodified, in a JVM of their own:
 * `kafka-verifiable-producer.sh` and `kafka-verifiable-consumer.sh`. They write a
 * line of JSON for each thing that happens to them.
 */
import { type GuardedProcess, startGuarded } from "./guarded_process.ts";
import { LineProcess } from "./line_process.ts";
import { takeJvmSlot } from "./jvm_slots.ts";
import { writeProperties } from "./kafka_properties.ts";
import { fastStartFlags, kafkaRuntime } from "./kafka_runtime.ts";

export interface ToolEvent {
  /** When it happened there, in ms since the epoch. */
  readonly timestamp: number;
  readonly name: string;
  /** Of `producer_send_success` and `record_data`. */
  readonly partition?: number;
  readonly offset?: number;
  readonly value?: string;
  /** Of `producer_send_error`. */
  readonly message?: string;
}

export interface ToolOptions {
  readonly tool: "VerifiableProducer" | "VerifiableConsumer";
  readonly bootstrapServers: string;
  readonly topic: string;
  /** More arguments. */
  readonly args?: readonly string[];
  /** Client settings. */
  readonly properties?: Readonly<Record<string, string>>;
}

export class VerifiableTool implements AsyncDisposable {
  static async start(options: ToolOptions): Promise<VerifiableTool> {
    const { args = [], bootstrapServers, properties = {}, tool, topic } =
      options;
    const runtime = await kafkaRuntime();
    const slot = takeJvmSlot(tool);
    const folder = await Deno.makeTempDir({ prefix: "switchyard-tool-" });
    const file = `${folder}/client.properties`;
    await writeProperties(file, properties);
    const process = startGuarded([
      "java",
      "-Xmx96m",
      ...fastStartFlags,
      "-XX:-UsePerfData",
      "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
      runtime.archiveFlag,
      "-cp",
      runtime.classPath,
      `org.apache.kafka.tools.${tool}`,
      ...["--bootstrap-server", bootstrapServers, "--topic", topic] as const,
      ...["--command-config", file] as const,
      ...args,
    ]);
    void process.status.then(() => slot[Symbol.dispose]());
    return new VerifiableTool(process, folder);
  }

  /** So far, in order. */
  readonly events: ToolEvent[] = [];
  /** What it wrote besides. */
  readonly complaints: string[] = [];
  readonly #lines: LineProcess;

  private constructor(process: GuardedProcess, folder: string) {
    this.#lines = new LineProcess({
      process,
      folder,
      onLine: (line) => this.#take(line),
      onComplaint: (line) => void this.complaints.push(line),
    });
  }

  get alive(): boolean {
    return this.#lines.alive;
  }

  named(name: string): ToolEvent[] {
    return this.events.filter((each) => each.name === name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#lines[Symbol.asyncDispose]();
  }

  #take(line: string): void {
    if (line.startsWith("{")) this.events.push(JSON.parse(line));
    else this.complaints.push(line);
  }
}
