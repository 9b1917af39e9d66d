/** Everything that is measured. */
import {
  mirrorMakerLatency,
  mirrorMakerThroughput,
} from "./mirror_maker_systems.ts";
import { switchyardMirrors } from "./switchyard_systems.ts";
import type { MirrorSystem } from "./system.ts";

export function mirrorThroughputSystems(
  ours: readonly string[],
): readonly MirrorSystem[] {
  return [...mirrorMakerThroughput, ...switchyardMirrors(ours)];
}

export function mirrorLatencySystems(
  ours: readonly string[],
): readonly MirrorSystem[] {
  return [...mirrorMakerLatency, ...switchyardMirrors(ours)];
}
