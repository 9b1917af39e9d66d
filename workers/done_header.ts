/**
 * What is there already of the results of a record in a delay topic: they came
 * of an earlier attempt, before a failover, and must not come again. In the
 * header `switchyard.done`, `<output topic>/<count>/<ordinal>,<ordinal>`, several
 * of these with semicolons between them. Pure.
 */
import type { DonePart } from "../src/pool/done_outputs.ts";

export const doneText = (parts: readonly DonePart[]): string =>
  parts.map(({ count, ordinals, output }) =>
    `${output}/${count}/${ordinals.join()}`
  ).join(";");

const PART = /^([^/]+)\/(\d+)\/(\d+(?:,\d+)*)$/;

/** Nothing where the text is none that `doneText` writes. */
export function parseDone(text: string): DonePart[] {
  return text.split(";").flatMap((each) => {
    const [, output, count, ordinals] = PART.exec(each) ?? [];
    return output === undefined ? [] : [{
      output,
      count: Number(count),
      ordinals: ordinals!.split(",").map(Number),
    }];
  });
}
