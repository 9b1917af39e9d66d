/** Handles nothing as long as there is a file, which `HELD_BY` names. */
import { processor } from "switchyard";
import { eventually } from "../wait.ts";

const file = Deno.env.get("HELD_BY") ?? "";

export default processor({
  async process({ key, text }) {
    await eventually(() => isGone(file), { what: "let go", everyMs: 10 });
    return { key, value: text };
  },
});

async function isGone(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
