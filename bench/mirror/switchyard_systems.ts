/** Our own mirror, with as many lanes as MirrorMaker 2 has tasks, and others. */
import type { MirrorSystem } from "./system.ts";

/** @param ours program and arguments that run the mirror. */
export function switchyardMirrors(
  ours: readonly string[],
): readonly MirrorSystem[] {
  return [
    switchyard("switchyard", "2 lanes", ours, { MIRROR_LANES: "2" }),
    optional(switchyard("switchyard-1", "1 lane", ours, { MIRROR_LANES: "1" })),
    optional(
      switchyard("switchyard-4", "4 lanes", ours, { MIRROR_LANES: "4" }),
    ),
    optional(switchyard("switchyard-defaults", "its defaults", ours, {})),
  ];
}

function switchyard(
  name: string,
  variant: string,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): MirrorSystem {
  return {
    name,
    label: `**Switchyard**, ${variant}`,
    family: "switchyard",
    optional: false,
    program: ({ primaryBrokers, secondaryBrokers, topic, policy }) =>
      Promise.resolve({
        command,
        env: {
          PRIMARY_BROKERS: primaryBrokers,
          SECONDARY_BROKERS: secondaryBrokers,
          MIRROR_TOPICS: topic,
          MIRROR_POLICY: policy,
          HTTP_PORT: "0",
          ...env,
        },
      }),
  };
}

function optional(system: MirrorSystem): MirrorSystem {
  return { ...system, optional: true };
}
