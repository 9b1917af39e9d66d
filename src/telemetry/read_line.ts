/** Lines that another process of ours has written, as far as they can be read. */
import { z } from "zod";
import { fieldNameOf } from "./log_names.ts";

const LINE = z.looseObject({
  "@timestamp": z.iso.datetime(),
  "log.level": z.enum(["debug", "info", "warn", "error"]),
  message: z.string(),
});

export interface ReadLine {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: z.output<typeof LINE>["log.level"];
  readonly message: string;
  /** By `FieldName`; those of others as they are written. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Null: it is no line of a log. */
export function readLine(text: string): ReadLine | null {
  const read = LINE.safeParse(parsed(text));
  if (!read.success) return null;
  const { "@timestamp": time, "log.level": level, message, ...rest } =
    read.data;
  const fields = Object.fromEntries(
    Object.entries(rest).map(([name, each]) => [fieldNameOf(name), each]),
  );
  return { time, level, message, fields };
}

function parsed(text: string): unknown {
  if (!text.startsWith("{")) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
