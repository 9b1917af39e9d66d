/** Rules that say by a regular expression which topics they are for. */

/** `topics` must match the whole name, as MirrorMaker's patterns do. */
export interface TopicRule {
  readonly topics: RegExp;
}

export const appliesTo = ({ topics }: TopicRule, topic: string): boolean =>
  new RegExp(`^(?:${topics.source})$`, topics.flags.replaceAll(/[gy]/g, ""))
    .test(topic);
