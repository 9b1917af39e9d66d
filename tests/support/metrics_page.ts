/** Reads `/metrics`: Prometheus' text format. */

/** By name: all labels that its samples have. */
export type ExportedMetrics = ReadonlyMap<string, ReadonlySet<string>>;

export interface PageSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Label values are as they stand there, with their escapes. */
export function samplesIn(page: string): PageSample[] {
  return page.split("\n").flatMap((line) => {
    const [, name, labels = "", value] =
      /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)]
      .map(([, label, text]) => [label!, text!]);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}

export function metricsIn(page: string): ExportedMetrics {
  const metrics = new Map<string, Set<string>>();
  for (const { labels, name } of samplesIn(page)) {
    const known = metrics.get(name) ?? new Set();
    metrics.set(name, known);
    for (const label of Object.keys(labels)) known.add(label);
  }
  return metrics;
}

/** The sum of a metric's samples that have these labels. */
export function sumIn(
  page: string,
  name: string,
  labels: PageSample["labels"] = {},
): number {
  const samples = samplesIn(page).filter((each) =>
    each.name === name &&
    Object.entries(labels).every(([label, text]) => each.labels[label] === text)
  );
  if (samples.length === 0) throw new Error(`no ${name} in ${page}`);
  return samples.reduce((sum, { value }) => sum + value, 0);
}

/** By partition, of a metric that has one sample for each. */
export function byPartition(page: string, name: string): number[] {
  const values: number[] = [];
  for (const each of samplesIn(page)) {
    if (each.name === name) {
      values[Number(each.labels["partition"])] = each.value;
    }
  }
  return values;
}
