/** What is measured: a program that copies one topic until SIGTERM. */

/** What a program is told to copy, and how the copy is to be called. */
export interface Flow {
  /** `bootstrap.servers` of the source. */
  readonly primaryBrokers: string;
  /** `bootstrap.servers` of the target. */
  readonly secondaryBrokers: string;
  readonly topic: string;
  readonly policy: Policy;
  /** For what the program reads; its own, and empty. */
  readonly folder: string;
}

/** MirrorMaker 2's names for topics on the target. */
export type Policy = "identity" | "default";

export interface Program {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface MirrorSystem {
  readonly name: string;
  readonly label: string;
  readonly family: "mirror-maker" | "switchyard";
  /** Left out unless asked for by name or by `all`. */
  readonly optional: boolean;
  /** Called before the clock starts. */
  readonly program: (flow: Flow) => Promise<Program>;
}

export const SOURCE_ALIAS = "primary";
export const TARGET_ALIAS = "secondary";

/** The name of the copy on the target. */
export function targetTopic({ topic, policy }: Flow): string {
  return policy === "identity" ? topic : `${SOURCE_ALIAS}.${topic}`;
}
