/**
 * Figures as plain data: what the parts of the program say of themselves, and
 * what becomes `/metrics` and OTLP. Nothing here knows of either.
 */

export type Labels = Readonly<Record<string, string>>;

export type Sample = readonly [labels: Labels, value: number];

/** Durations as counts of them, cumulative in time but not over the buckets. */
export interface Distribution {
  /** Upper bounds of the buckets, in the metric's unit, the last one open. */
  readonly bounds: readonly number[];
  /** One more than `bounds`. */
  readonly counts: readonly number[];
  /** Of all values. */
  readonly sum: number;
}

interface Family {
  /** As OpenTelemetry names it: `messaging.process.duration`. */
  readonly name: string;
  readonly help: string;
  /** UCUM: `s`, `By`, `{record}`; absent: a bare number. */
  readonly unit?: string;
}

/** One family; without samples it is left out. */
export type Metric =
  | Family & {
    readonly kind: "counter" | "gauge";
    readonly samples: readonly Sample[];
  }
  | Family & {
    readonly kind: "histogram";
    readonly samples: readonly (readonly [Labels, Distribution])[];
  };
