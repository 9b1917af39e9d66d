/**
 * Where an output comes from: the input that caused it, and which of the input's
 * outputs it is. After a failover this tells what is there already.
 */

/** The header of outputs that has them. */
export const COORDINATES_HEADER = "switchyard.coordinates";

export interface Coordinates {
  /** Of the cluster that the input was read from, as Kafka prints it. */
  readonly clusterId: string;
  /** Of the topic that the input was read from, as Kafka prints it. */
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  /** Counted from 0, in the order in which the processor gave the outputs. */
  readonly ordinal: number;
  /** How many outputs the input has; 0: not known. */
  readonly count: number;
  /**
   * Where the pool has written it. In a record of another topic coordinates say
   * nothing: somebody has passed them on. A mirror may name topics otherwise.
   */
  readonly outputTopic: string;
  /** The consumer group that processed the input. */
  readonly group: string;
}

/** What the outputs of one input partition have in common. */
export type CoordinatesOrigin = Pick<
  Coordinates,
  "clusterId" | "topicId" | "partition" | "group"
>;

/**
 * Writes coordinates; what is the same for all is put together only once:
 * `<cluster id>/<topic id>/<partition>/<offset>/<ordinal>/<count>/<output
 * topic>/<group id>`.
 * @throws {TypeError} where an id is empty or holds a slash, as no id of Kafka
 * does.
 */
export function coordinatesFrom(
  { clusterId, topicId, partition, group }: CoordinatesOrigin,
): (
  offset: number,
  ordinal: number,
  count: number,
  outputTopic: string,
) => string {
  for (const id of [clusterId, topicId]) {
    if (!ID.test(id)) throw new TypeError(`no id of Kafka: "${id}"`);
  }
  const before = `${clusterId}/${topicId}/${partition}/`;
  const after = `/${group}`;
  return (offset, ordinal, count, outputTopic) =>
    `${before}${offset}/${ordinal}/${count}/${outputTopic}${after}`;
}

const ID = /^[^/]+$/;
const NUMBER = "(0|[1-9][0-9]*)";
/** The group stands last, because it may contain slashes. */
const TEXT = new RegExp(
  `^([^/]+)/([^/]+)/${Array(4).fill(NUMBER).join("/")}/([^/]+)/([^]*)$`,
);
const MAX_PARTITION = 2 ** 31 - 1;

/** Null where the text is none that `coordinatesFrom` writes. */
export function parseCoordinates(text: string): Coordinates | null {
  const match = TEXT.exec(text);
  if (match === null) return null;
  const [, clusterId = "", topicId = "", ...rest] = match;
  const [partition, offset, ordinal, count] = rest.slice(0, 4).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const isPossible = partition <= MAX_PARTITION &&
    Number.isSafeInteger(offset) && Number.isSafeInteger(ordinal) &&
    Number.isSafeInteger(count) && (count === 0 || ordinal < count);
  if (!isPossible) return null;
  const [outputTopic = "", group = ""] = rest.slice(4);
  return {
    clusterId,
    topicId,
    partition,
    offset,
    ordinal,
    count,
    outputTopic,
    group,
  };
}

/**
 * As a record of this topic says it; null also where somebody has passed on what
 * a record of another topic said.
 * @param nameHere of a topic of the pool, where a mirror has renamed it
 */
export function coordinatesIn(
  topic: string,
  text: string,
  nameHere: (topic: string) => string = (each) => each,
): Coordinates | null {
  const coordinates = parseCoordinates(text);
  return coordinates !== null && nameHere(coordinates.outputTopic) === topic
    ? coordinates
    : null;
}
