import { z } from "zod";
import { formatDelays, parseDelays } from "./delays.ts";
import { PatternError } from "./java_pattern.ts";
import { nearestName, suggestion } from "./nearest.ts";
import { compilePatternList } from "./pattern_list.ts";
import { RuleError } from "./topic_configs.ts";
import {
  readTopicConfigs,
  readTopicPolicies,
  type TopicConfigs,
  type TopicPolicy,
} from "./topic_rules.ts";

/** What a value may be: how it is checked, read from text, and called. */
export interface Kind<T> {
  readonly schema: z.ZodType<T>;
  /** For the reference page: `whole number`. */
  readonly type: string;
  /** Follows the word "expected" in a problem. */
  readonly expected: string;
  /** Limits as the reference page shows them. */
  readonly bounds?: string;
  /**
   * Reads an environment variable or an expanded reference. Text of another
   * kind is returned as it is, for the schema to refuse.
   */
  readonly fromText: (text: string) => unknown;
}

const asText = (text: string): unknown => text;

const asNumber = (text: string): unknown =>
  /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text;

const asBoolean = (text: string): unknown => {
  switch (text.trim()) {
    case "true":
      return true;
    case "false":
      return false;
    default:
      return text;
  }
};

export function wholeNumber(minimum: number, maximum: number): Kind<number> {
  const range = (separator: string) =>
    [minimum, maximum].map((limit) => limit.toLocaleString("en-US"))
      .join(separator);
  return {
    schema: z.int().min(minimum).max(maximum),
    type: "whole number",
    expected: `a whole number from ${range(" to ")}`,
    bounds: range(" to "),
    fromText: asNumber,
  };
}

export const share: Kind<number> = {
  schema: z.number().min(0).max(1),
  type: "number",
  expected: "a number from 0 to 1",
  bounds: "0 to 1",
  fromText: asNumber,
};

export const flag: Kind<boolean> = {
  schema: z.boolean(),
  type: "true or false",
  expected: "true or false",
  fromText: asBoolean,
};

export function choice<const T extends string>(
  values: readonly [T, ...T[]],
): Kind<T> {
  const list = values.join(", ");
  return {
    schema: z.enum(values, {
      error: ({ input }) =>
        `expected one of ${list}` +
        suggestion(
          typeof input === "string" ? nearestName(input, values) : undefined,
        ),
    }),
    type: values.map((value) => `\`${value}\``).join(", "),
    expected: `one of ${list}`,
    fromText: asText,
  };
}

/** Kafka's rule for topics, which it applies to group instance ids too. */
export const kafkaName: Kind<string> = {
  schema: z.string().regex(/^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/),
  type: "name",
  expected: "1 to 249 letters, digits, dots, underscores or hyphens",
  bounds: "1 to 249 of `a-z A-Z 0-9 . _ -`",
  fromText: asText,
};

/** Names of topics; may not be empty. */
export const topicList: Kind<string> = {
  schema: z.string()
    .transform((list) => list.split(",").map((it) => it.trim()).join(","))
    .refine((list) =>
      list.split(",").every((it) => kafkaName.schema.safeParse(it).success)
    ),
  type: "names, comma-separated",
  expected: `names of topics, comma-separated: each ${kafkaName.expected}`,
  fromText: asText,
};

export const groupName: Kind<string> = {
  schema: z.string().regex(/^[\x21-\x7e]{1,249}$/),
  type: "name",
  expected: "1 to 249 visible ASCII characters",
  bounds: "1 to 249 visible ASCII characters",
  fromText: asText,
};

/** `[::1]:9092`, `broker-1.example.com:9092`, `10.0.0.1:9092`. */
function isAddress(text: string): boolean {
  const match = /^(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9._-]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  return port >= 1 && port <= 65_535;
}

export const address: Kind<string> = {
  schema: z.string().refine(isAddress),
  type: "host:port",
  expected: "host:port with a port from 1 to 65,535",
  bounds: "port 1 to 65,535",
  fromText: asText,
};

export const brokerList: Kind<string> = {
  schema: z.string()
    .transform((list) => list.split(",").map((it) => it.trim()).join(","))
    .refine((list) => list.split(",").every(isAddress)),
  type: "host:port, comma-separated",
  expected: "host:port,host:port without a protocol, ports from 1 to 65,535",
  bounds: "ports 1 to 65,535",
  fromText: asText,
};

export const host: Kind<string> = {
  schema: z.string().regex(/^([a-zA-Z0-9._-]+|[0-9a-fA-F:.]+)$/),
  type: "host",
  expected: "a host name or an IP address",
  fromText: asText,
};

export const path: Kind<string> = {
  schema: z.string().min(1),
  type: "path",
  expected: "a path",
  fromText: asText,
};

export const modulePath: Kind<string> = {
  // One letter before the colon is a Windows drive, more are a URL's scheme.
  schema: z.string().min(1).refine((text) =>
    !/^(?!file:)[a-z][a-z0-9+.-]+:/i.test(text)
  ),
  type: "path or file URL",
  expected: "the path or file: URL of a module",
  fromText: asText,
};

export const patternList: Kind<string> = {
  schema: z.string().min(1).superRefine((list, context) => {
    try {
      compilePatternList(list);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      const message =
        `expected regular expressions, comma-separated: ${error.message}`;
      context.addIssue({ code: "custom", message });
    }
  }),
  type: "regular expressions, comma-separated",
  expected: "regular expressions, comma-separated",
  fromText: asText,
};

/** Settings of topics by pattern; see `topic_rules.ts`. */
export const topicConfigs: Kind<readonly TopicConfigs[]> = {
  schema: rulesSchema(readTopicConfigs),
  type: "topics:name=value,name=value, semicolon-separated",
  expected: "topics:name=value,name=value, semicolon-separated",
  fromText: asText,
};

/** One of some values for all topics, or by pattern. */
export function choiceByTopic<const T extends string>(
  values: readonly [T, ...T[]],
): Kind<readonly TopicPolicy<T>[]> {
  const list = values.map((value) => `\`${value}\``).join(", ");
  return {
    schema: rulesSchema((given) => readTopicPolicies(given, values)),
    type: `${list}; or such by topics:value, semicolon-separated`,
    expected: `one of ${values.join(", ")}, or topics:value, ` +
      "semicolon-separated",
    fromText: asText,
  };
}

function rulesSchema<T>(read: (given: unknown) => T): z.ZodType<T> {
  return z.unknown().transform((given, context): T => {
    try {
      return read(given);
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  });
}

export const delayList: Kind<string> = {
  schema: z.string().refine((text) => parseDelays(text) !== null)
    .transform((text) => formatDelays(parseDelays(text) ?? [])),
  type: "durations, comma-separated",
  expected: "ascending durations from 100ms to 24h, such as 10s,1m,10m",
  bounds: "100ms to 24h each",
  fromText: asText,
};
