/** What roles say of themselves, as far as a drill asks. */
import { z } from "zod";
import { readLine } from "../../telemetry/read_line.ts";
import type { RoleName, ShownAbort } from "../../../dr/drill/mod.ts";

const HEALTH = z.object({
  health: z.enum(["down", "healthy", "suspect", "unknown"]),
});
export const SENTINEL = z.object({
  health: z.object({ primary: HEALTH, secondary: HEALTH }).nullable(),
});
const HEALTHY = z.object({ health: z.literal("healthy") });
/** When all of them are so, a drill may begin. */
const READY: Readonly<Record<RoleName, z.ZodType>> = {
  sentinel: z.object({
    isVoting: z.literal(true),
    lagMs: z.number(),
    health: z.object({ primary: HEALTHY, secondary: HEALTHY }),
  }),
  mirror: z.object({
    lanes: z.array(z.object({ state: z.literal("running") })).min(1),
  }),
  pool: z.object({ phase: z.literal("running") }),
};

/** What keeps a role from being ready, as a user reads it. */
function lacksOf(
  told: unknown,
  { issues: [issue] }: z.ZodError,
): string {
  if (told === null) return "does not answer";
  const path = issue!.path;
  const found = path.reduce(
    (each: unknown, name) =>
      (each as Readonly<Record<PropertyKey, unknown>> | null)?.[name] ?? null,
    told,
  );
  return `has ${path.join(".")} ${JSON.stringify(found)}`;
}

/** What roles still lack for a drill, a sentence each. */
export async function lacksOfAll(
  status: (role: RoleName) => Promise<unknown>,
): Promise<readonly string[]> {
  const lacks = await Promise.all(
    (["sentinel", "mirror", "pool"] as const).map(async (role) => {
      const told = await status(role);
      const { error } = READY[role].safeParse(told);
      return error === undefined ? [] : [`the ${role} ${lacksOf(told, error)}`];
    }),
  );
  return lacks.flat();
}

const ABORTED = z.object({
  cluster: z.enum(["primary", "secondary"]),
  from: z.string(),
});

/** What a line of the pool's log says of a transaction that was aborted. */
export function abortIn(line: string, inputTopic: string): ShownAbort | null {
  const said = readLine(line);
  if (said?.message !== "transaction aborted") return null;
  const { cluster, from } = ABORTED.parse(said.fields);
  const own = from.split(",").flatMap((each): [number, number][] => {
    const [tp = "", offset] = each.split("@");
    const at = tp.lastIndexOf("-");
    return tp.slice(0, at) === inputTopic
      ? [[Number(tp.slice(at + 1)), Number(offset)]]
      : [];
  });
  return {
    cluster,
    atMs: Date.parse(said.time),
    from: Object.fromEntries(own),
  };
}
