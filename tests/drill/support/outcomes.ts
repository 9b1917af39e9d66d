/** What a job's topics hold, as an independent client reads them. */
import { COORDINATES_HEADER } from "../../../src/pool/coordinates.ts";
import { idName } from "../../chaos/generator.ts";
import type {
  IndependentClient,
  KafkaRecord,
} from "../../support/independent_client.ts";
import { jsonOf, topicsOf } from "../../support/job.ts";

/** An input, or the outcome of one. */
export interface Found {
  /** Of the input. */
  readonly id: number;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
}

/** An output or a dead letter. */
export interface Outcome extends Found {
  readonly topic: string;
  /** The id of the cluster where the job has read its input. */
  readonly cluster: string;
}

export interface Input extends Found {
  /** It was brought over from the primary's tail. */
  readonly isReplayed: boolean;
}

const ORIGIN_HEADER = "switchyard.origin";
const committed = { isolation: "read_committed" } as const;
const decoder = new TextDecoder();

export async function inputsOf(
  client: IndependentClient,
  name: string,
): Promise<Input[]> {
  const found: Input[] = [];
  await client.visitTopic(topicsOf(name).input, (records) => {
    for (const record of records) {
      const isReplayed = headerOf(record, ORIGIN_HEADER) !== "";
      found.push({ ...placeOf(record), id: numberOf(record), isReplayed });
    }
  }, committed);
  return found;
}

export async function outcomesOf(
  client: IndependentClient,
  name: string,
): Promise<Outcome[]> {
  const { deadLetter, output } = topicsOf(name);
  const found: Outcome[] = [];
  const visit = (topic: string, idOf: (record: KafkaRecord) => number) =>
    client.visitTopic(topic, (records) => {
      for (const record of records) {
        const cluster = headerOf(record, COORDINATES_HEADER).split("/")[0]!;
        found.push({ ...placeOf(record), topic, cluster, id: idOf(record) });
      }
    }, committed);
  await visit(
    output,
    (record) => jsonOf<{ event_id: number }>(record).event_id,
  );
  await visit(deadLetter, numberOf);
  return found;
}

/** How often each is there. */
export function timesOf(found: Iterable<Found>): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  for (const { id } of found) times.set(id, (times.get(id) ?? 0) + 1);
  return times;
}

export const idsOf = (found: readonly Found[]): ReadonlySet<number> =>
  new Set(found.map(({ id }) => id));

/** Those that are there more than once. */
export const repeatedIn = (found: readonly Found[]): number[] =>
  [...timesOf(found)].filter(([, times]) => times > 1).map(([id]) => id);

export const missingFrom = (
  there: ReadonlySet<number>,
  wanted: Iterable<number>,
): number[] => [...wanted].filter((id) => !there.has(id));

const placeOf = ({ offset, partition, timestampMs }: KafkaRecord) => ({
  offset,
  partition,
  timestampMs,
});

function headerOf({ headers }: KafkaRecord, wanted: string): string {
  const header = headers.find(({ name }) => name === wanted);
  return decoder.decode(header?.value ?? undefined);
}

const numberOf = (record: KafkaRecord) => Number(headerOf(record, idName));
