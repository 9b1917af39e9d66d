/**
 * I3 in a world that stands still: the mirrors are dead or frozen. Each look reads
 * what came since the one before, so that many looks cost little.
 */
import { claimOf } from "../checker/commit_metadata.ts";
import { extractor, type IdSource } from "../checker/extract.ts";
import type { Role } from "../checker/observation.ts";
import type { Id } from "../checker/report.ts";
import type {
  CommittedOffset,
  IndependentClient,
} from "../support/independent_client.ts";
import { CutLedger } from "./cut_ledger.ts";
import { type Anomaly, newFindings } from "./report.ts";

/** A job whose input and outputs are mirrored, as the target names them. */
export interface Cut {
  readonly group: string;
  readonly input: string;
  readonly outputs: readonly string[];
  readonly deadLetters: readonly string[];
  /** Where records say which input they are of; tried in turn. */
  readonly id: readonly IdSource[];
  /** How many outputs an input demands. Default 1 for each. */
  readonly outputsOf?: (id: Id) => number;
}

export interface CutLook {
  /** Inputs that are done as the group's positions claim, found now. */
  readonly verified: number;
  /** By partition of the input; undefined where the group has none. */
  readonly positions: readonly (number | undefined)[];
  readonly anomalies: readonly Anomaly[];
}

export class CutCheck {
  readonly #client: IndependentClient;
  readonly #cut: Cut;
  readonly #ledger: CutLedger;
  readonly #extract: ReturnType<typeof extractor>;
  /** By topic and partition: what is to be read next. */
  readonly #next = new Map<string, Map<number, number>>();

  /** @param client of the target. */
  constructor(client: IndependentClient, cut: Cut) {
    this.#client = client;
    this.#cut = cut;
    this.#ledger = new CutLedger(cut.outputsOf);
    this.#extract = extractor({ id: cut.id });
  }

  /**
   * The mirrors must stand still. Waits for their last transactions only where
   * something is missing without them: a commit may be known before its outputs
   * can be read.
   */
  async look(): Promise<CutLook> {
    const { group, input } = this.#cut;
    const there = new Set(await this.#client.topics());
    if (!there.has(input)) return { verified: 0, positions: [], anomalies: [] };
    const committed = await this.#client.committedOffsets(group, input);
    await this.#readAll(there, false);
    const first = this.#judge(committed);
    if (first.anomalies.length === 0) return first;
    await this.#readAll(there, true);
    const second = this.#judge(committed);
    return { ...second, verified: first.verified + second.verified };
  }

  /** The group's, by partition of the input; undefined where it has none. */
  async positions(): Promise<readonly (number | undefined)[]> {
    const { group, input } = this.#cut;
    if (!(await this.#client.topics()).includes(input)) return [];
    return positionsOf(await this.#client.committedOffsets(group, input));
  }

  async #readAll(
    there: ReadonlySet<string>,
    awaitTransactions: boolean,
  ): Promise<void> {
    const { input, outputs, deadLetters } = this.#cut;
    const read = async (role: Role, topic: string) => {
      if (there.has(topic)) await this.#read(role, topic, awaitTransactions);
    };
    for (const topic of outputs) await read("output", topic);
    for (const topic of deadLetters) await read("dead letter", topic);
    await read("input", input);
  }

  async #read(
    role: Role,
    topic: string,
    awaitTransactions: boolean,
  ): Promise<void> {
    const from = this.#next.get(topic) ?? new Map<number, number>();
    this.#next.set(topic, from);
    await this.#client.visitTopic(topic, (records) => {
      for (const record of records) {
        const { partition, offset } = record;
        from.set(partition, offset + 1);
        const { id } = this.#extract(topic, role, record);
        if (id === null) continue;
        if (role === "input") this.#ledger.input(topic, partition, offset, id);
        else this.#ledger.output(id);
      }
      // A copy: the map grows while it is read.
    }, {
      isolation: "read_committed",
      awaitTransactions,
      from: new Map(from),
    });
  }

  #judge(committed: readonly (CommittedOffset | undefined)[]): CutLook {
    const findings = newFindings();
    const { input } = this.#cut;
    let verified = 0;
    committed.forEach((each, partition) => {
      if (each === undefined) return;
      verified += this.#ledger.judge(input, partition, {
        claims: claimOf(each.offset, each.metadata),
        found: (kind, example) => findings.add(kind, () => example),
      });
    });
    return {
      verified,
      positions: positionsOf(committed),
      anomalies: findings.list(),
    };
  }
}

const positionsOf = (committed: readonly (CommittedOffset | undefined)[]) =>
  Array.from(committed, (each) => each?.offset);
