/** Reads outputs of pools, with what they say of where they come from. */
import {
  type Batch,
  type ConsumerProperties,
  headerName,
  type Library,
  readTopics,
  type TopicRange,
} from "../../src/kafka/mod.ts";
import {
  type Coordinates,
  COORDINATES_HEADER,
  coordinatesIn,
} from "../../src/pool/coordinates.ts";
import {
  BEFORE_HEADER,
  parsePlaces,
  type Place,
} from "../../src/pool/places.ts";

/** With where its input was read before, see `Place`. */
export type FoundOutput = readonly [Coordinates, readonly Place[]];

export interface ReadOutputsParts {
  readonly library: Library;
  readonly consumer: ConsumerProperties;
  /** Of the mirror to this cluster. */
  readonly targetTopic: (topic: string) => string;
}

const HEADER = headerName(COORDINATES_HEADER);
const BEFORE = headerName(BEFORE_HEADER);

/**
 * As a record says it; null where no pool has made it, or others have passed on
 * what a record of another topic said.
 * @param nameHere see `coordinatesIn`
 */
export function outputAt(
  batch: Pick<Batch, "headerText" | "tp">,
  index: number,
  nameHere?: (topic: string) => string,
): FoundOutput | null {
  const text = batch.headerText(index, HEADER);
  // So with most records.
  if (text === null) return null;
  const coordinates = coordinatesIn(batch.tp(index).topic, text, nameHere);
  return coordinates === null
    ? null
    : [coordinates, parsePlaces(batch.headerText(index, BEFORE))];
}

/**
 * What each batch of these ranges has.
 * @throws as `readTopics`; the signal's reason.
 */
export async function* readOutputs(
  { consumer, library, targetTopic }: ReadOutputsParts,
  ranges: readonly TopicRange[],
  signal: AbortSignal,
): AsyncGenerator<
  { readonly records: number; readonly outputs: FoundOutput[] }
> {
  const batches = readTopics({ library, properties: consumer, ranges, signal });
  for await (const batch of batches) {
    const outputs: FoundOutput[] = [];
    for (let index = 0; index < batch.count; index++) {
      const output = outputAt(batch, index, targetTopic);
      if (output !== null) outputs.push(output);
    }
    yield { records: batch.count, outputs };
  }
  // Reading ends early then, and says nothing.
  signal.throwIfAborted();
}
