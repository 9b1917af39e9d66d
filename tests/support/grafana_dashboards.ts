/** The dashboards of `deploy/grafana`, as far as we use what Grafana can do. */
import { fileURLToPath } from "node:url";
import { z } from "zod";

const FOLDER = fileURLToPath(
  new URL("../../deploy/grafana/dashboards", import.meta.url),
);

/** Always by the variable, so that it works in any Grafana. */
const datasource = z.strictObject({
  type: z.literal("prometheus"),
  uid: z.literal("${datasource}"),
});
const gridPos = z.strictObject({
  x: z.int().min(0).max(23),
  y: z.int().min(0),
  w: z.int().min(1).max(24),
  h: z.int().min(1),
}).refine(({ x, w }) => x + w <= 24, "is wider than the screen");

const row = z.strictObject({
  id: z.int().positive(),
  type: z.literal("row"),
  title: z.string().min(1),
  collapsed: z.literal(false),
  gridPos,
  panels: z.tuple([]),
});
const panel = z.looseObject({
  id: z.int().positive(),
  type: z.enum(["stat", "state-timeline", "table", "timeseries"]),
  title: z.string().min(1),
  description: z.string().min(1),
  datasource,
  gridPos,
  fieldConfig: z.looseObject({
    defaults: z.looseObject({ unit: z.string().min(1) }),
  }),
  targets: z.array(z.strictObject({
    refId: z.string().regex(/^[A-Z]$/),
    datasource,
    expr: z.string().min(1),
    legendFormat: z.string(),
    format: z.literal("table").optional(),
    instant: z.literal(true).optional(),
  })).min(1),
});

const datasourceVariable = z.looseObject({
  name: z.literal("datasource"),
  type: z.literal("datasource"),
  query: z.literal("prometheus"),
});
const queryVariable = z.looseObject({
  name: z.string().min(1),
  type: z.literal("query"),
  datasource,
  query: z.strictObject({ query: z.string(), refId: z.string() }),
});

const dashboard = z.strictObject({
  uid: z.string().regex(/^switchyard-[a-z]+$/),
  title: z.string().min(1),
  description: z.string().min(1),
  tags: z.array(z.string()),
  /** Of Grafana 11; newer ones migrate it. */
  schemaVersion: z.literal(39),
  version: z.int().positive(),
  editable: z.boolean(),
  graphTooltip: z.int(),
  timezone: z.literal("browser"),
  refresh: z.string(),
  time: z.strictObject({ from: z.string(), to: z.string() }),
  templating: z.strictObject({
    list: z.tuple([datasourceVariable], queryVariable),
  }),
  annotations: z.strictObject({
    list: z.array(z.looseObject({ datasource, expr: z.string() })),
  }),
  links: z.array(z.looseObject({ type: z.literal("dashboards") })),
  panels: z.array(z.union([row, panel])),
});

export type Dashboard = z.infer<typeof dashboard>;
export type Panel = z.infer<typeof panel>;

/** By the names of their files. @throws {z.ZodError} */
export function readDashboards(): ReadonlyMap<string, Dashboard> {
  return new Map(
    Deno.readDirSync(FOLDER).toArray().map(({ name }) => [
      name,
      dashboard.parse(
        JSON.parse(Deno.readTextFileSync(`${FOLDER}/${name}`)),
      ),
    ]),
  );
}

export const panelsOf = ({ panels }: Dashboard): Panel[] =>
  panels.filter((each) => each.type !== "row");

/** All expressions, those of variables included. */
export function queriesOf(board: Dashboard): string[] {
  const [, ...variables] = board.templating.list;
  return [
    ...panelsOf(board).flatMap(({ targets }) => targets)
      .map(({ expr }) => expr),
    ...board.annotations.list.map(({ expr }) => expr),
    ...variables.map(({ query }) => labelValues(query.query).metric),
  ];
}

/** Of `label_values(metric, label)`. @throws {SyntaxError} */
export function labelValues(text: string) {
  const match = /^label_values\((.+), *(\w+)\)$/.exec(text);
  if (match === null) throw new SyntaxError(`not label_values: ${text}`);
  return { metric: match[1]!, label: match[2]! };
}
