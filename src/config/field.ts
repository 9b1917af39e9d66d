import { z } from "zod";
import type { Kind } from "./kinds.ts";

/** What a default may depend on. */
export interface DefaultContext {
  readonly hardwareConcurrency: number;
  readonly hostname: string;
  /** The value of a setting that stands above this one in the table. */
  readonly valueOf: (path: string) => unknown;
}

/** A default that is known only where the program runs. */
export interface DerivedDefault<T> {
  /** For the reference page, in Markdown. */
  readonly text: string;
  readonly of: (context: DefaultContext) => T;
}

interface About {
  /** Environment variable. */
  readonly env: string;
  readonly description: string;
  readonly unit?: string;
  /** Why the limits are where they are. */
  readonly why?: string;
  /** The value is never shown. */
  readonly secret?: boolean;
}

/** One row of the table of settings. */
export interface ValueField extends About {
  readonly form: "value";
  readonly kind: Kind<unknown>;
  readonly default: unknown;
  /** What happens when there is no value. */
  readonly unset?: string;
}

/** A record of librdkafka properties; `env` is a prefix. */
export interface PropertiesField extends About {
  readonly form: "properties";
}

export type Field = ValueField | PropertiesField;

// zod's own registry cannot hold a schema inside the description of another.
const fields = new WeakMap<z.ZodType, Field>();

/** A setting that always has a value. */
export function setting<T>(
  kind: Kind<T>,
  about: About & { readonly default: NoInfer<T> | DerivedDefault<NoInfer<T>> },
): z.ZodType<T> {
  const schema = kind.schema.clone();
  fields.set(schema, { ...about, form: "value", kind });
  return schema;
}

/** A setting that may be null; `unset` says what that means. */
export function optionalSetting<T>(
  kind: Kind<T>,
  about: About & { readonly unset: string },
): z.ZodType<T | null> {
  const schema = kind.schema.nullable();
  fields.set(schema, { ...about, form: "value", kind, default: null });
  return schema;
}

export type PropertyValue = string | number | boolean;

export function isPropertyValue(value: unknown): value is PropertyValue {
  return ["string", "number", "boolean"].includes(typeof value);
}

/** librdkafka properties that are passed through. */
export function properties<T>(about: About): z.ZodType<T> {
  const schema = z.custom<T>((value) =>
    typeof value === "object" && value !== null &&
    Object.values(value).every(isPropertyValue)
  );
  fields.set(schema, { ...about, form: "properties" });
  return schema;
}

/** Where a setting stands in the file, and what the table says of it. */
export interface Leaf {
  readonly keys: readonly string[];
  /** The keys joined by dots: `embedded.rate`. */
  readonly path: string;
  readonly schema: z.ZodType;
  readonly field: Field;
}

export type Shape = Readonly<Record<string, z.ZodType>>;

/** Settings of one level and of the levels below, in the table's order. */
export function leavesOf(shape: Shape, above: readonly string[] = []): Leaf[] {
  return Object.entries(shape).flatMap(([key, schema]) => {
    const keys = [...above, key];
    if (schema instanceof z.ZodObject) return leavesOf(schema.shape, keys);
    const field = fields.get(schema);
    if (field === undefined) throw new TypeError(`${keys} is no setting`);
    return [{ keys, path: keys.join("."), schema, field }];
  });
}

export function isDerived(value: unknown): value is DerivedDefault<unknown> {
  return typeof value === "object" && value !== null && "of" in value;
}
