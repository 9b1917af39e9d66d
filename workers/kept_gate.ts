/** Leaves out of a mirror what its target has: see `KeptOutputs`. */
import type { RecordGate } from "../src/kafka/mod.ts";
import { COORDINATES_HEADER, coordinatesIn } from "../src/pool/coordinates.ts";
import { type KeptOutputs, KeptSet } from "../src/pool/kept_outputs.ts";
import { BEFORE_HEADER, byFirst, parsePlaces } from "../src/pool/places.ts";

export class KeptGate implements RecordGate {
  readonly headers = [COORDINATES_HEADER, BEFORE_HEADER];
  readonly #lanes = new Map<number, string>();
  #kept = new KeptSet();

  /** To be told before any lane is opened. */
  keep(outputs: readonly KeptOutputs[]): void {
    this.#kept = new KeptSet(outputs);
  }

  open(lane: number, topic: string): void {
    if (this.#kept.topics.has(topic)) this.#lanes.set(lane, topic);
    else this.#lanes.delete(lane);
  }

  close(lane: number): void {
    this.#lanes.delete(lane);
  }

  /** Whether no lane has any. */
  get idle(): boolean {
    return this.#lanes.size === 0;
  }

  guards(lane: number): boolean {
    return this.#lanes.has(lane);
  }

  admits(lane: number, text: string | null, before: string | null): boolean {
    const topic = this.#lanes.get(lane)!;
    const coordinates = text === null ? null : coordinatesIn(topic, text);
    return coordinates === null ||
      !this.#kept.has(topic, byFirst(coordinates, parsePlaces(before)));
  }
}
