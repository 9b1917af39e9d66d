/** Histories of drills in which all went well, to be spoilt. */
import type {
  Claim,
  Observed,
  Seen,
  SeenOutput,
  Sent,
} from "../../dr/drill/mod.ts";
import type { Evidence } from "../../dr/drill/judge.ts";

const KEYS = 5;
const PARTITIONS = 3;

export interface Course {
  /** Inputs sent to the primary, and to the secondary after a failover. */
  readonly before: number;
  readonly after: number;
  /** How many of those to the primary the secondary does not have. */
  readonly tail: number;
  /** How many of the inputs in the tail have outputs that were mirrored. */
  readonly ahead: number;
}

const keyOf = (id: number) => `key-${id % KEYS}`;
const partitionOf = (id: number) => id % KEYS % PARTITIONS;
const countOf = (id: number) => id % 4;

/** As all promises say; `active` is the secondary. */
export function failedOver(course: Course): Evidence {
  const { after, ahead, before, tail } = course;
  const sent = Array.from({ length: before + after }, (_, id): Sent => ({
    id,
    key: keyOf(id),
    outputs: countOf(id),
    cluster: id < before ? "primary" : "secondary",
    sentMs: id,
    acknowledgedMs: id + 1,
  }));
  const ids = sent.map(({ id }) => id);
  const primary = ids.slice(0, before);
  const mirrored = primary.slice(0, before - tail);
  const secondary = [...mirrored, ...ids.slice(before)];
  const early = primary.slice(before - tail).slice(0, ahead);
  return {
    sent,
    active: "secondary",
    clusters: {
      primary: {
        clusterId: "one",
        inputs: inputs(primary),
        outputs: outputs(primary, claimsOn("one", primary)),
      },
      secondary: {
        clusterId: "two",
        inputs: inputs(secondary),
        outputs: outputs(
          [...mirrored, ...early, ...ids.slice(before)],
          // What was mirrored says where its input was on the primary.
          new Map([
            ...claimsOn("two", secondary),
            ...claimsOn("one", primary),
          ]),
        ),
      },
    },
  };
}

export interface RoundTrip {
  /** Inputs sent to the primary, to the secondary, and to the primary again. */
  readonly before: number;
  readonly away: number;
  readonly after: number;
}

/** A planned switch and back; the records come one each ms. */
export function broughtHome({ after, away, before }: RoundTrip): Evidence {
  const ids = Array.from({ length: before + away + after }, (_, id) => id);
  const isAway = (id: number) => id >= before && id < before + away;
  const claims = new Map(
    ids.map((id): [number, Place] => {
      const clusterId = isAway(id) ? "two" : "one";
      return [id, claimsOn(clusterId, ids).get(id)!];
    }),
  );
  const seen = { inputs: inputs(ids), outputs: outputs(ids, claims) };
  return {
    sent: ids.map((id): Sent => ({
      id,
      key: keyOf(id),
      outputs: countOf(id),
      cluster: isAway(id) ? "secondary" : "primary",
      sentMs: id,
      acknowledgedMs: id + 1,
    })),
    active: "primary",
    clusters: {
      primary: { clusterId: "one", ...seen },
      secondary: { clusterId: "two", ...seen },
    },
  };
}

function inputs(ids: readonly number[]): Seen[] {
  const ends = new Map<number, number>();
  return ids.map((id) => {
    const partition = partitionOf(id);
    const offset = ends.get(partition) ?? 0;
    ends.set(partition, offset + 1);
    const value = JSON.stringify({ id, outputs: countOf(id) });
    return {
      id,
      partition,
      offset,
      key: keyOf(id),
      value,
      digest: `${keyOf(id)} ${value}`,
    };
  });
}

type Place = Omit<Claim, "ordinal">;

const claimsOn = (clusterId: string, ids: readonly number[]) =>
  new Map(
    inputs(ids).map(({ id, offset, partition }): [number, Place] => [
      id,
      { clusterId, partition, offset },
    ]),
  );

const outputs = (
  ids: readonly number[],
  places: ReadonlyMap<number, Place>,
): SeenOutput[] =>
  ids.flatMap((id) =>
    Array.from({ length: countOf(id) }, (_, ordinal) => ({
      id,
      ordinal,
      key: keyOf(id),
      value: JSON.stringify({ id, ordinal }),
      digest: `${id}/${ordinal} of ${places.get(id)!.clusterId}`,
      partition: partitionOf(id),
      offset: 0, // nobody asks
      writtenMs: id,
      claim: { ...places.get(id)!, ordinal },
    }))
  );

/** The same, with something else on the active cluster. */
export const spoilt = (
  evidence: Evidence,
  change: (there: Observed) => Partial<Observed>,
): Evidence => {
  const there = evidence.clusters[evidence.active];
  return {
    ...evidence,
    clusters: {
      ...evidence.clusters,
      [evidence.active]: { ...there, ...change(there) },
    },
  };
};

export const without = <T>(all: readonly T[], at: number): T[] =>
  all.filter((_, place) => place !== at);

export const withAnother = <T>(all: readonly T[], at: number): T[] => [
  ...all.slice(0, at + 1),
  all[at]!,
  ...all.slice(at + 1),
];
