/** docker-compose.yml as it is written: without Docker, and for each profile. */
import { parse } from "yaml";
import { z } from "zod";

export const root = new URL("../../", import.meta.url).pathname;

const text = z.union([z.string(), z.number()]).transform(String);
const condition = z.enum([
  "service_started",
  "service_healthy",
  "service_completed_successfully",
]);

const serviceSchema = z.object({
  image: z.string(),
  build: z.object({ context: z.string() }).optional(),
  profiles: z.array(z.string()),
  command: z.array(text).default([]),
  environment: z.record(z.string(), text).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  networks: z.array(z.string()),
  depends_on: z.union([
    z.record(z.string(), z.object({ condition })),
    z.array(z.string()).transform((names) =>
      Object.fromEntries(
        names.map((name) => [name, { condition: "service_started" as const }]),
      )
    ),
  ]).default({}),
  healthcheck: z.object({
    test: z.array(z.string()).optional(),
    disable: z.boolean().optional(),
  }).optional(),
  restart: z.string(),
  read_only: z.boolean().default(false),
  tmpfs: z.array(z.string()).default([]),
  cap_drop: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  logging: z.unknown(),
  deploy: z.object({
    resources: z.object({
      limits: z.object({ cpus: text, memory: z.string() }),
    }),
  }),
});

const fileSchema = z.object({
  services: z.record(z.string(), serviceSchema),
  networks: z.record(z.string(), z.unknown()),
  volumes: z.record(z.string(), z.unknown()),
});

export type ComposeService = z.output<typeof serviceSchema>;
export type ComposeFile = z.output<typeof fileSchema>;

/** With the defaults of its variables. */
export const readComposeFile = (): ComposeFile =>
  fileSchema.parse(interpolated(readYaml("docker-compose.yml")));

/** @param path below the folder of the project */
export const readYaml = (path: string): unknown =>
  parse(Deno.readTextFileSync(root + path), { merge: true, maxAliasCount: -1 });

/** Those that are of this image; each has another command. */
export const isOurs = ({ build }: ComposeService): boolean =>
  build !== undefined;

function interpolated(value: unknown): unknown {
  if (typeof value === "string") {
    return value.replaceAll(
      /\$\$|\$\{[A-Z_]+:-([^}]*)\}/g,
      (found, byDefault) => found === "$$" ? "$" : byDefault,
    );
  }
  if (Array.isArray(value)) return value.map(interpolated);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, interpolated(each)]),
  );
}

/** What the image runs: the flags of Deno before our command line. */
export function imageFlags(): string[] {
  const dockerfile = Deno.readTextFileSync(`${root}Dockerfile`);
  const [, list = ""] = /^ENTRYPOINT (\[[^\]]*\])/m
    .exec(dockerfile.replaceAll("\\\n", "")) ?? [];
  const [deno = "", run, ...flags] = z.array(z.string())
    .parse(JSON.parse(list));
  const main = flags.pop();
  if (run !== "run" || main !== "/app/src/main.ts") {
    throw new Error(`the ENTRYPOINT is ${list}`);
  }
  return flags.map((flag) => flag.replace(deno, Deno.execPath()));
}
