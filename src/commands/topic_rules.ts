/** The mirror's rules by topic, as its settings have them. */
import {
  REPLICATION_FACTOR,
  type TopicConfigs,
  type TopicPolicy,
} from "../config/mod.ts";
import { compileJavaPattern } from "../../dr/formats/mod.ts";
import type {
  ConfigOverride,
  DamagePolicy,
  DamageRule,
} from "../../dr/topics/mod.ts";

export function configOverride(
  { topics, configs }: TopicConfigs,
): ConfigOverride {
  const { [REPLICATION_FACTOR]: replicas, ...others } = configs;
  return {
    topics: compileJavaPattern(topics),
    configs: others,
    ...(replicas === undefined ? {} : { replicationFactor: Number(replicas) }),
  };
}

export const damageRule = (
  { topics, policy }: TopicPolicy<DamagePolicy>,
): DamageRule => ({ topics: compileJavaPattern(topics), policy });
