/** Judges the outputs of the reference job over the logins of a fixture. */
import {
  type Expected,
  expectedLogin,
  outputProblem,
} from "../support/job_checker.ts";
import {
  type LoginFixtureOptions,
  loginRecord,
} from "../support/login_fixture.ts";
import type { ReadOptions } from "./extract.ts";

/** For inputs whose id is their index. The value is computed here once more. */
export function judgeLogins(
  options: LoginFixtureOptions,
): NonNullable<ReadOptions["judge"]> {
  return (id, role, record) => {
    if (typeof id !== "number") return `${id} is no login`;
    const { value } = loginRecord(id, options);
    const expected: Expected = expectedLogin(value);
    switch (role) {
      case "output": {
        const { fields, problem } = fieldsOf(record.value);
        return problem ?? outputProblem(record, fields, expected);
      }
      case "dead letter":
        return expected.kind === "output" ? "its input is valid" : undefined;
      case "retry":
        return;
    }
  };
}

interface Fields {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly problem?: string;
}

function fieldsOf(value: Uint8Array | null): Fields {
  try {
    return { fields: JSON.parse(decoder.decode(value ?? undefined)) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { fields: {}, problem: "no JSON" };
  }
}

const decoder = new TextDecoder();
