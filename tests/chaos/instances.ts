/** Instances of a job: see `Supervised`. */
import { Job, type JobStatus } from "../support/job.ts";
import { within } from "../support/wait.ts";
import { Supervised, type UnaskedEnd } from "./supervised.ts";

export type { UnaskedEnd } from "./supervised.ts";

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

const statusTimeoutMs = 2_000;

export class Instance extends Supervised<Job> {
  readonly #options: InstancesOptions;

  constructor(number: number, options: InstancesOptions) {
    super({ ...options, id: `instance-${number}` });
    this.#options = options;
  }

  /** Rejects when the process does not answer, for whatever reason. */
  async status(): Promise<JobStatus> {
    const job = this.process;
    if (job === undefined) throw new Error(`${this.id} does not run`);
    return await within(job.status(), statusTimeoutMs, "told its status");
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

  protected override launch(): Job {
    const { brokers, name, env, isStatic = false } = this.#options;
    return Job.start({
      brokers,
      name,
      env: {
        INSTANCE_ID: this.id,
        ...(isStatic ? { PRIMARY_CONSUMER_GROUP_INSTANCE_ID: this.id } : {}),
        ...env,
      },
    });
  }
}

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
