/** Outputs that are on the cluster already, as whoever promoted it has found. */

/**
 * By topic and partition of the input: of each offset the ordinals of outputs
 * that must not be sent again.
 */
export type DoneOutputs = readonly {
  readonly topic: string;
  readonly partition: number;
  readonly outputs: readonly (readonly [number, ...number[]])[];
}[];
