/** A real MirrorMaker 2 between two clusters: its dedicated mode, one JVM. */
import { type GuardedProcess, startGuarded } from "./guarded_process.ts";
import { takeJvmSlot } from "./jvm_slots.ts";
import { writeProperties } from "./kafka_properties.ts";
import {
  fastStartFlags,
  type KafkaRuntime,
  kafkaRuntime,
} from "./kafka_runtime.ts";
import {
  mirrorMakerProperties,
  type MirrorMakerSettings,
} from "./mirror_maker_properties.ts";
import { eventually, within } from "./wait.ts";

export type {
  MirrorEnd,
  MirrorMakerIntervals,
  MirrorMakerSettings,
} from "./mirror_maker_properties.ts";

/** Generous: test machines are often busy with other builds. */
const readyTimeoutMs = 120_000;
const hooksTimeoutMs = 30_000;
/** Jetty says it where both are at it. */
const bothHooks = "[JettyShutdownThread] WARN";
const stopTimeoutMs = 120_000;
const startedLine = "Kafka MirrorMaker started";

export interface MirrorMakerOptions extends MirrorMakerSettings {
  /** Largest heap in MiB, default 256. */
  readonly heapMb?: number;
}

export class MirrorMaker implements AsyncDisposable {
  /**
   * Resolves when it says that it has started: its connectors begin soon after.
   * Topics that do not exist by then are found after `intervals.topicsSeconds`.
   *
   * @throws {Error} with its last lines when it ends or is late.
   */
  static async start(options: MirrorMakerOptions): Promise<MirrorMaker> {
    const runtime = await kafkaRuntime();
    using stack = new DisposableStack();
    const slot = stack.use(takeJvmSlot("MirrorMaker 2"));
    const folder = await Deno.makeTempDir({ prefix: "switchyard-mm2-" });
    const file = `${folder}/mm2.properties`;
    await writeProperties(file, mirrorMakerProperties(options));
    const logFile = `${folder}/mm2.log`;
    const process = startGuarded(
      mirrorMakerCommand(runtime, file, {
        heapMb: options.heapMb ?? 256,
        jvmFlags: fastStartFlags,
      }),
      { logFile },
    );
    stack.move();
    void process.status.then(() => slot[Symbol.dispose]());
    const started = new MirrorMaker(process, folder, logFile);
    try {
      await started.#ready();
      return started;
    } catch (error) {
      started.keepLogs();
      await started[Symbol.asyncDispose]();
      throw error;
    }
  }

  readonly pid: number;
  readonly logFile: string;
  /** Where `keepLogs` leaves properties and log. */
  readonly folder: string;
  readonly #process: GuardedProcess;
  #logsAreKept = false;
  #disposed: Promise<void> | undefined;

  private constructor(
    process: GuardedProcess,
    folder: string,
    logFile: string,
  ) {
    this.#process = process;
    this.pid = process.pid;
    this.folder = folder;
    this.logFile = logFile;
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  /**
   * SIGTERM; resolves when it has committed its positions and ended. Two of its
   * hooks, Jetty's and its own, stop the same server at once, and were seen to
   * wait for each other for ever (4.3.1): then it is killed, which its
   * transactions survive.
   */
  async stop(): Promise<void> {
    try {
      await this.#end("SIGTERM", hooksTimeoutMs);
    } catch (error) {
      if (!(await this.log()).includes(bothHooks)) throw error;
      await this.kill();
    }
  }

  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  async log(): Promise<string> {
    return await Deno.readTextFile(this.logFile);
  }

  /** Call it when a test failed: disposal then leaves the log and says where. */
  keepLogs(): void {
    this.#logsAreKept = true;
  }

  /** Kills it, then deletes properties and log unless they are kept. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#disposed ??= this.#dispose();
  }

  async #dispose(): Promise<void> {
    await this.kill();
    if (!this.#logsAreKept) {
      await Deno.remove(this.folder, { recursive: true });
      return;
    }
    Deno.stderr.writeSync(
      new TextEncoder().encode(`MirrorMaker 2's log kept in ${this.folder}\n`),
    );
  }

  async #end(
    signal: Deno.Signal,
    timeoutMs = stopTimeoutMs,
  ): Promise<void> {
    this.#process.signal(signal);
    await within(
      this.#process.status,
      timeoutMs,
      `MirrorMaker 2 ended after ${signal} (see ${this.logFile})`,
    );
  }

  async #ready(): Promise<void> {
    const outcome = await eventually(
      async () => {
        if (!this.alive) return "ended";
        return (await this.log()).includes(startedLine) && "ready";
      },
      {
        what: `started (see ${this.logFile})`,
        timeoutMs: readyTimeoutMs,
      },
    );
    if (outcome === "ready") return;
    const lines = (await this.log()).trimEnd().split("\n").slice(-15);
    throw new Error(
      `MirrorMaker 2 ended (see ${this.logFile}):\n${lines.join("\n")}`,
    );
  }
}

/**
 * Runs `use` with a MirrorMaker of its own. Its log is deleted when `use`
 * returns; when it throws it stays and its path is printed.
 */
export async function withMirrorMaker<T>(
  options: MirrorMakerOptions,
  use: (mirrorMaker: MirrorMaker) => Promise<T>,
): Promise<T> {
  await using mirrorMaker = await MirrorMaker.start(options);
  try {
    return await use(mirrorMaker);
  } catch (error) {
    mirrorMaker.keepLogs();
    throw error;
  }
}

/** @param propertiesFile as `mirrorMakerProperties` makes it. */
export function mirrorMakerCommand(
  runtime: KafkaRuntime,
  propertiesFile: string,
  { heapMb, jvmFlags }: {
    readonly heapMb: number;
    readonly jvmFlags: readonly string[];
  },
): string[] {
  return [
    "java",
    `-Xmx${heapMb}m`,
    ...jvmFlags,
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-cp",
    runtime.classPath,
    "org.apache.kafka.connect.mirror.MirrorMaker",
    propertiesFile,
  ];
}
