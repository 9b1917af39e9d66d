/** The project's Dockerfile, as tests read it. */
import { fileURLToPath } from "node:url";

export interface Instruction {
  /** In capitals, as in `COPY`. */
  readonly name: string;
  /** As in `--from=build`. */
  readonly flags: readonly string[];
  readonly value: string;
}

export interface Stage {
  /** With the values of build arguments put in. */
  readonly from: string;
  /** Null: the last one has none. */
  readonly name: string | null;
  readonly instructions: readonly Instruction[];
}

export const projectRoot = fileURLToPath(new URL("../../", import.meta.url))
  .replace(/\/$/, "");

export const DOCKERFILE = `${projectRoot}/Dockerfile`;

export const dockerfile = (): Stage[] =>
  stagesOf(Deno.readTextFileSync(DOCKERFILE));

/** @throws {Error} for instructions in front of the first stage but ARG. */
export function stagesOf(text: string): Stage[] {
  const values = new Map<string, string>();
  const stages: { -readonly [Key in keyof Stage]: Stage[Key] }[] = [];
  for (const instruction of instructionsIn(text)) {
    const { name, value } = instruction;
    if (name === "FROM") {
      const [image = "", , stage = null] = value.split(/\s+/);
      const from = image.replace(
        /\$\{(\w+)\}/g,
        (_, variable) => values.get(variable) ?? "",
      );
      stages.push({ from, name: stage, instructions: [] });
      continue;
    }
    const last = stages.at(-1);
    if (last !== undefined) {
      last.instructions = [...last.instructions, instruction];
    } else if (name === "ARG") {
      const [variable = "", preset = ""] = value.split("=", 2);
      values.set(variable, preset);
    } else {
      throw new Error(`${name} stands in front of the first FROM`);
    }
  }
  return stages;
}

/** The arguments of an instruction in its exec form. */
export function execForm(value: string): string[] {
  const list: unknown = JSON.parse(value);
  if (Array.isArray(list) && list.every((each) => typeof each === "string")) {
    return list;
  }
  throw new TypeError(`not in exec form: ${value}`);
}

/** Of all instructions of this name, in all that belongs to the stage. */
export const valuesOf = (stage: Stage, name: string): string[] =>
  stage.instructions.filter((each) => each.name === name)
    .map(({ value }) => value);

/** Pairs as in `ENV A=1 B="two words"`. */
export function pairsOf(value: string): Map<string, string> {
  const pairs = value.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S*))/g);
  return new Map(
    pairs.map(([, name = "", quoted, bare]) => [name, quoted ?? bare ?? ""]),
  );
}

function instructionsIn(text: string): Instruction[] {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  const whole = lines.join("\n").replaceAll(/\\\n\s*/g, "");
  return whole.split("\n").filter(Boolean).map((line) => {
    const [, name = "", rest = ""] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    const flags = rest.match(/^(--\S+\s+)*/)?.[0] ?? "";
    return {
      name,
      flags: flags.split(/\s+/).filter(Boolean),
      value: rest.slice(flags.length).trim(),
    };
  });
}
