/**
 * Instances of a job, each a process with a name that stays the same, started
 * again when it ends without being asked to, as a supervisor would.
 */
import { Job, type JobStatus } from "../support/job.ts";
import { within } from "../support/wait.ts";
import { pause } from "../support/pause.ts";

export interface InstancesOptions {
  readonly count: number;
  /** What instances connect to. */
  readonly brokers: string;
  /** Of the job: names its topics and group. */
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether the group knows each by its name. Default false. */
  readonly isStatic?: boolean | undefined;
  /** For a log of each instance. */
  readonly folder: string;
  /** Told when one ended by itself. */
  readonly onEnd: (end: UnaskedEnd) => void;
}

/** Of an instance that nobody killed, or that did not end as it was asked to. */
export interface UnaskedEnd {
  readonly what: string;
  /**
   * It gave a thread up that hung, which nothing can stop but the end of the
   * process. Every other end is a fault of the instance itself.
   */
  readonly isWatchdog: boolean;
}

const restartMs = 500;
const stopTimeoutMs = 60_000;
const statusTimeoutMs = 2_000;

export class Instance implements AsyncDisposable {
  readonly id: string;
  readonly #options: InstancesOptions;
  #job: Job | undefined;
  #ended: Promise<void> = Promise.resolve();
  #isWanted = false;
  #isPaused = false;
  readonly #disposed = new AbortController();

  constructor(number: number, options: InstancesOptions) {
    this.id = `instance-${number}`;
    this.#options = options;
  }

  /** Undefined while there is no process. */
  get pid(): number | undefined {
    return this.#job?.child.alive ? this.#job.child.pid : undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Does nothing when it is there already. */
  start(): void {
    this.#isWanted = true;
    if (this.#job !== undefined) return;
    const { brokers, name, env, isStatic = false } = this.#options;
    const job = Job.start({
      brokers,
      name,
      env: {
        INSTANCE_ID: this.id,
        ...(isStatic ? { PRIMARY_CONSUMER_GROUP_INSTANCE_ID: this.id } : {}),
        ...env,
      },
    });
    this.#job = job;
    this.#ended = this.#follow(job);
  }

  /** Resolves when the process is gone; so do the others. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGTERM; one that does not end within a minute is killed and reported. */
  async stop(): Promise<void> {
    this.resume();
    await this.#end("SIGTERM");
  }

  /** SIGSTOP. */
  pause(): void {
    this.#job?.child.signal("SIGSTOP");
    this.#isPaused = this.pid !== undefined;
  }

  /** SIGCONT. */
  resume(): void {
    this.#job?.child.signal("SIGCONT");
    this.#isPaused = false;
  }

  /** Rejects when the process does not answer, for whatever reason. */
  async status(): Promise<JobStatus> {
    if (this.#job === undefined) throw new Error(`${this.id} does not run`);
    return await within(this.#job.status(), statusTimeoutMs, "told its status");
  }

  /** Empty while it has none, or does not answer. */
  async partitions(): Promise<number[]> {
    try {
      const { workers } = await this.status();
      return workers.flatMap((worker) =>
        worker.partitions.map(({ partition }) => partition)
      );
    } catch {
      return [];
    }
  }

  /** In bytes; undefined while there is no process. */
  async residentBytes(): Promise<number | undefined> {
    const { pid } = this;
    if (pid === undefined) return undefined;
    try {
      const status = await Deno.readTextFile(`/proc/${pid}/status`);
      const match = /^VmRSS:\s+(\d+) kB$/m.exec(status);
      return match === null ? undefined : Number(match[1]) * 1024;
    } catch (error) {
      // It has ended meanwhile.
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort();
    await this.kill();
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#isWanted = false;
    const job = this.#job;
    if (job !== undefined) {
      job.child.signal(signal);
      try {
        const { code } = await job.child.exit(stopTimeoutMs);
        // Before it listens to signals it may end at once.
        const isUp = job.log("started").length > 0;
        if (signal === "SIGTERM" && code !== 0 && isUp) {
          this.#tell(`${this.id} ended with ${code} after ${signal}`, job);
        }
      } catch {
        this.#tell(`${this.id} did not end after ${signal}`, job);
        job.child.signal("SIGKILL");
      }
    }
    await this.#ended;
  }

  async #follow(job: Job): Promise<void> {
    const { code, signal } = await lastly(job);
    await this.#keepLog(job, `ended with ${signal ?? code}`);
    this.#job = undefined;
    this.#isPaused = false;
    if (!this.#isWanted) return;
    const end = `${this.id} ended by itself with ${signal ?? code}`;
    this.#tell(`${end}: ${reasonOf(job)}`, job);
    await pause(restartMs, this.#disposed.signal);
    if (this.#isWanted && !this.#disposed.signal.aborted) this.start();
  }

  #tell(what: string, job: Job): void {
    const isWatchdog = job.child.lines("stderr").some((line) =>
      /"level":"error","message":"worker \d+ hangs/.test(line)
    );
    this.#options.onEnd({ what, isWatchdog });
  }

  async #keepLog(job: Job, end: string): Promise<void> {
    const lines = [
      `--- process ${job.child.pid}`,
      ...job.child.lines("stderr"),
      ...job.child.lines("stdout"),
      `--- ${end}`,
    ];
    await Deno.writeTextFile(
      `${this.#options.folder}/${this.id}.log`,
      `${lines.join("\n")}\n`,
      { append: true },
    );
  }
}

/** Its last errors, or what it said last. */
function reasonOf(job: Job): string {
  const lines = job.child.lines("stderr");
  const errors = lines.filter((line) => !/"level":"(info|debug)"/.test(line));
  return (errors.length > 0 ? errors : lines).slice(-4).join(" | ");
}

/** However long it takes. */
const lastly = (job: Job) => job.child.exit(2 ** 31 - 1);

export class Instances implements AsyncDisposable {
  readonly all: readonly Instance[];

  constructor(options: InstancesOptions) {
    this.all = Array.from(
      { length: options.count },
      (_, number) => new Instance(number + 1, options),
    );
  }

  startAll(): void {
    for (const instance of this.all) instance.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.all.map((instance) => instance[Symbol.asyncDispose]()),
    );
  }
}
