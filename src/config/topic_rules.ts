/**
 * Settings that differ by topic: rules with a pattern each, of which the first
 * that matches wins. In the environment they are one text,
 *
 *     user-login.*:retention.ms=86400000;audit:cleanup.policy=[compact,delete]
 *     orders:stop;.*:restart
 *
 * in a settings file that text, or an array with an object for each rule.
 */
import { z } from "zod";
import { compileJavaPattern, PatternError } from "./java_pattern.ts";
import { nearestName, suggestion } from "./nearest.ts";
import { checkedConfig, quoted, RuleError } from "./topic_configs.ts";

export interface TopicConfigs {
  /** Java's regular expression for whole names. */
  readonly topics: string;
  /** By name, each as brokers write it; `replication.factor` may be among them. */
  readonly configs: Readonly<Record<string, string>>;
}

export interface TopicPolicy<Policy extends string> {
  /** As in `TopicConfigs`. */
  readonly topics: string;
  readonly policy: Policy;
}

const ALL = ".*";

const configsShape = z.array(z.strictObject({
  topics: z.string(),
  configs: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
}));
const policiesShape = z.array(
  z.strictObject({ topics: z.string(), policy: z.string() }),
);

/**
 * Reads rules as a text or as a settings file has them.
 * @throws {RuleError} with what is expected instead.
 */
export function readTopicConfigs(given: unknown): readonly TopicConfigs[] {
  const rules = typeof given === "string"
    ? partsOf(given).map(configsOf)
    : shaped(configsShape, given, '{ "topics": "…", "configs": { … } }')
      .map(({ topics, configs }) => ({
        topics,
        configs: Object.entries(configs),
      }));
  const forAll = new Set<string>();
  return rules.map(({ topics, configs }) => {
    checkPattern(topics);
    if (configs.length === 0) {
      throw new RuleError(`expected settings for ${quoted(topics)}`);
    }
    const read = new Map<string, string>();
    for (const [name, value] of configs) {
      if (read.has(name)) {
        throw new RuleError(`expected ${name} once for ${quoted(topics)}`);
      }
      if (forAll.has(name)) throw shadowed(topics, ` of ${name}`);
      read.set(name, checkedConfig(name, textOf(name, value)));
    }
    if (topics === ALL) read.keys().forEach((name) => forAll.add(name));
    return { topics, configs: Object.fromEntries(read) };
  });
}

/**
 * The same for one choice a rule. A policy without a pattern is for all topics.
 * @throws {RuleError} with what is expected instead.
 */
export function readTopicPolicies<const Policy extends string>(
  given: unknown,
  policies: readonly Policy[],
): readonly TopicPolicy<Policy>[] {
  const rules = typeof given === "string"
    ? partsOf(given).map(policyOf)
    : shaped(policiesShape, given, '{ "topics": "…", "policy": "…" }');
  let isForAll = false;
  return rules.map(({ topics, policy }) => {
    checkPattern(topics);
    const known = policies.find((each) => each === policy);
    if (known === undefined) {
      throw new RuleError(
        `expected one of ${policies.join(", ")}, not ${quoted(policy)}` +
          suggestion(nearestName(policy, policies)),
      );
    }
    if (isForAll) throw shadowed(topics, "");
    isForAll = topics === ALL;
    return { topics, policy: known };
  });
}

function partsOf(text: string): string[] {
  return text.split(";").map((each) => each.trim());
}

interface GivenConfigs {
  readonly topics: string;
  readonly configs: readonly (readonly [
    name: string,
    value: string | number | boolean,
  ])[];
}

/** A pattern has colons of its own, `(?:a|b)`, and equals signs, `(?=a)`. */
function configsOf(part: string): GivenConfigs {
  const equals = part.search(/(?<!\(\?<?)=/);
  const colon = equals < 0 ? -1 : part.lastIndexOf(":", equals);
  if (colon < 0) {
    throw new RuleError(
      `expected topics:name=value,name=value, not ${quoted(part)}`,
    );
  }
  return {
    topics: part.slice(0, colon).trim(),
    configs: part.slice(colon + 1).split(/,(?![^[\]]*\])/).map((each) => {
      const [, name, value] = /^([^=]*)=(.*)$/s.exec(each) ?? [];
      if (name === undefined || value === undefined) {
        throw new RuleError(
          `expected name=value, not ${quoted(each)}; a list of values stands ` +
            "in brackets, [a,b]",
        );
      }
      return [name.trim(), value.trim().replace(/^\[(.*)\]$/s, "$1")];
    }),
  };
}

function policyOf(part: string) {
  const colon = part.lastIndexOf(":");
  return {
    topics: colon < 0 ? ALL : part.slice(0, colon).trim(),
    policy: part.slice(colon + 1).trim(),
  };
}

function checkPattern(topics: string): void {
  if (topics === "") throw new RuleError("expected a pattern of topics");
  if (topics.replaceAll(/\{\d*,\d*\}/g, "").includes(",")) {
    throw new RuleError(
      `expected one regular expression, not ${quoted(topics)}; several are ` +
        'joined by "|"',
    );
  }
  try {
    compileJavaPattern(topics);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new RuleError(`expected a regular expression: ${error.message}`);
  }
}

function textOf(name: string, value: string | number | boolean): string {
  if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    // JSON lost its last digits.
    throw new RuleError(
      `expected so large a number as text for ${quoted(name)}`,
    );
  }
  const text = String(value).trim();
  if (text.includes("${")) {
    throw new RuleError(
      `expected no reference in ${
        quoted(name)
      }: they count only where all rules are ` +
        "one text",
    );
  }
  return text;
}

function shaped<T>(schema: z.ZodType<T>, given: unknown, rule: string): T {
  const { data, error } = schema.safeParse(given);
  if (data !== undefined) return data;
  const [at] = error?.issues[0]?.path ?? [];
  const place = typeof at === "number" ? `; see the rule at index ${at}` : "";
  throw new RuleError(`expected text or an array of ${rule}${place}`);
}

const shadowed = (topics: string, what: string) =>
  new RuleError(
    `expected the rule${what} for all topics behind that for ` +
      `${quoted(topics)}: the first that matches wins`,
  );
