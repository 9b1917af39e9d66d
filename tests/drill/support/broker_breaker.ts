/**
 * Breaks a real cluster of a test by `drill --break --mend`. The test alone can
 * start its brokers again, so the commands ask for that, by a file:
 *
 *     command: writes it ──> test: does it, removes it ──> command: ends
 */
import type { KafkaCluster } from "../../support/kafka_cluster.ts";
import { pause } from "../../support/pause.ts";

/** Of `sleep`; so many looks take longer than brokers on a busy machine need. */
const LOOK_S = 0.02;
const MOST_LOOKS = 7_500;
const LOOK_MS = 10;
/**
 * The primary comes back within half a second, or together with the other
 * cluster: no broker starts in time, so these stand still.
 */
const NO_TIME_TO_START = ["flapping", "both-down"];

export class BrokerBreaker implements AsyncDisposable {
  readonly #cluster: KafkaCluster;
  readonly #folder: string;
  #kills = 0;
  #hangs = 0;

  private constructor(cluster: KafkaCluster, folder: string) {
    this.#cluster = cluster;
    this.#folder = folder;
  }

  static async open(cluster: KafkaCluster): Promise<BrokerBreaker> {
    const prefix = "switchyard-breaker-";
    return new BrokerBreaker(cluster, await Deno.makeTempDir({ prefix }));
  }

  /** Options of `drill`. */
  get options(): readonly string[] {
    return ["--break", this.#asking("break"), "--mend", this.#asking("mend")];
  }

  /** Times that all brokers were killed, and that all stood still. */
  get done(): { readonly kills: number; readonly hangs: number } {
    return { kills: this.#kills, hangs: this.#hangs };
  }

  /**
   * Does what the commands ask for.
   * @throws {Error} where brokers do not come back.
   */
  async serve(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await pause(LOOK_MS, signal)) {
      const asked = await this.#asked();
      if (asked === null) continue;
      await this.#do(asked);
      await Deno.remove(this.#file);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }

  get #file(): string {
    return `${this.#folder}/asked`;
  }

  #asking(what: "break" | "mend"): string {
    const file = this.#file;
    return `echo ${what} $DRILL_FAULT $DRILL_SCENARIO > ${file}.new && ` +
      `mv ${file}.new ${file} && ` +
      `for i in $(seq ${MOST_LOOKS}); do ` +
      `[ -e ${file} ] || exit 0; sleep ${LOOK_S}; done; exit 1`;
  }

  async #asked(): Promise<readonly string[] | null> {
    try {
      return (await Deno.readTextFile(this.#file)).trim().split(" ");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  async #do([what, fault, scenario]: readonly string[]): Promise<void> {
    const { brokers } = this.#cluster;
    if (what === "mend") {
      for (const broker of brokers) if (broker.paused) broker.resume();
      const dead = brokers.filter(({ alive }) => !alive);
      await Promise.all(dead.map((broker) => broker.restart()));
    } else if (fault === "hang" || NO_TIME_TO_START.includes(scenario!)) {
      this.#hangs++;
      for (const broker of brokers) broker.pause();
    } else {
      this.#kills++;
      await Promise.all(brokers.map((broker) => broker.kill()));
    }
  }
}
