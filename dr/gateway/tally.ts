/** What is counted for one address; `AddressStatus` says what each means. */
import { type Ending, ENDINGS, type Refusal, REFUSALS } from "./types.ts";

export interface Tally {
  accepted: number;
  readonly refused: Record<Refusal, number>;
  readonly closed: Record<Ending, number>;
  connecting: number;
  open: number;
  bytesToBrokers: number;
  bytesToClients: number;
  acceptErrors: number;
}

export function newTally(): Tally {
  return {
    accepted: 0,
    refused: zeros(REFUSALS),
    closed: zeros(ENDINGS),
    connecting: 0,
    open: 0,
    bytesToBrokers: 0,
    bytesToClients: 0,
    acceptErrors: 0,
  };
}

function zeros<Name extends string>(
  names: readonly Name[],
): Record<Name, number> {
  const entries = names.map((name) => [name, 0]);
  return Object.fromEntries(entries) as Record<Name, number>;
}
