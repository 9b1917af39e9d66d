/**
 * One fault of each kind. A fault takes the inputs that it harms from `victims`,
 * which nobody else harms, and says what a check must find.
 */
import type { CheckOptions, Seen } from "../checker/mod.ts";
import {
  isDead,
  isDelayed,
  named,
  topics,
  type World,
} from "./support_checker.ts";

export interface Victims {
  /** An input with a usual output; undefined when none is left. */
  one(): number | undefined;
  /** Two such whose outputs are neighbours, of one key or of two. */
  pair(sameKey: boolean): readonly [Seen, Seen] | undefined;
  /** A number that nothing has yet. */
  fresh(): number;
}

/** What must be found; undefined when there was nobody to harm. */
export type Fault = (
  world: World,
  victims: Victims,
  options: CheckOptions,
) => string[] | undefined;

const beyondEnd = 1_000_000;

const isOf = (id: number) => (each: { readonly id: unknown }) => each.id === id;
const without = <T extends { readonly id: unknown }>(
  all: readonly T[] | null,
  id: number,
) => (all ?? []).filter((each) => each.id !== id);
const there = (all: readonly Seen[], id: number) => all.find(isOf(id))!;

/** Behind all others of its partition, where no other record was ever. */
function append(
  world: World,
  all: Seen[],
  seen: Omit<Seen, "offset">,
): Seen {
  const appended = { ...seen, offset: world.nextOffset++ };
  all.push(appended);
  return appended;
}

/** With one victim. */
const harming = (
  harm: (
    world: World,
    id: number,
    options: CheckOptions,
    victims: Victims,
  ) => string[],
): Fault =>
(world, victims, options) => {
  const id = victims.one();
  return id === undefined ? undefined : harm(world, id, options, victims);
};

function replaceAck(world: World, id: number, offset: number | null): Seen {
  const seen = there(world.inputs, id);
  world.history = [
    ...(world.history ?? []).filter((each) =>
      each.op !== "ack" || each.id !== id
    ),
    offset === null
      ? { op: "fail", id }
      : { op: "ack", id, partition: seen.partition, offset },
  ];
  return seen;
}

function removeInput(world: World, id: number): void {
  world.inputs = without(world.inputs, id);
  world.inputsAgain = without(world.inputsAgain, id);
}

function removeOutput(world: World, id: number): void {
  world.outputs = without(world.outputs, id);
  world.outputsAgain = without(world.outputsAgain, id);
}

function appendOutput(world: World, seen: Omit<Seen, "offset">): Seen {
  const appended = append(world, world.outputs, seen);
  world.outputsAgain.push(appended);
  return appended;
}

function swapOutputs(world: World, [one, other]: readonly [Seen, Seen]): Seen {
  const swap = (each: Seen): Seen => {
    if (each === one) return { ...other, offset: one.offset };
    return each === other ? { ...one, offset: other.offset } : each;
  };
  world.outputs = world.outputs.map(swap);
  world.outputsAgain = world.outputsAgain.map(swap);
  return { ...other, offset: one.offset };
}

export const faults: Readonly<Record<string, Fault>> = {
  "a lost input": harming((world, id, { final = true }) => {
    removeOutput(world, id);
    const at = there(world.inputs, id);
    return [
      ...(final ? [named("lost", at)] : []),
      named("committed beyond processed", at),
    ];
  }),
  "a lost input that is not committed": harming(
    (world, id, { final = true }) => {
      removeOutput(world, id);
      const at = there(world.inputs, id);
      world.open.push(at);
      return final ? [named("lost", at)] : [];
    },
  ),
  "an acknowledged input that is not there": harming((world, id) => {
    const at = there(world.inputs, id);
    removeInput(world, id);
    removeOutput(world, id);
    return [named("acknowledged input missing", at)];
  }),
  "a duplicate": harming((world, id, { guarantee }) => {
    const at = appendOutput(world, there(world.outputs, id));
    return guarantee === "exactly-once" ? [named("duplicate", at)] : [];
  }),
  "a dead letter beside an output": harming((world, id, { guarantee }) => {
    const { partition, key, fingerprint } = there(world.outputs, id);
    const seen = { topic: topics.deadLetter, partition, id, key, fingerprint };
    const at = append(world, world.deadLetters, seen);
    return guarantee === "exactly-once" ? [named("duplicate", at)] : [];
  }),
  "an input that is there twice": harming((world, id, { guarantee }) => {
    const at = append(world, world.inputs, there(world.inputs, id));
    world.inputsAgain.push(at);
    // Each of them demands an output.
    appendOutput(world, there(world.outputs, id));
    return guarantee === "exactly-once" ? [named("duplicate", at)] : [];
  }),
  "an input that failed and is there": harming((world, id) => [
    named("aborted read", replaceAck(world, id, null)),
  ]),
  "an output of an input that failed": harming((world, id) => {
    replaceAck(world, id, null);
    removeInput(world, id);
    return [named("aborted read", there(world.outputs, id))];
  }),
  "an output of an input that was aborted": harming((world, id) => {
    world.history = without(world.history, id);
    // An aborted transaction's record is seen by the second reading alone.
    world.inputs = without(world.inputs, id);
    return [named("aborted read", there(world.outputs, id))];
  }),
  "two neighbours of one key": (world, victims, { ordering }) => {
    const pair = victims.pair(true);
    if (pair === undefined) return;
    const at = swapOutputs(world, pair);
    return ordering === "none" ? [] : [named("reordered by key", at)];
  },
  "two neighbours of different keys": (world, victims, { ordering }) => {
    const pair = victims.pair(false);
    if (pair === undefined) return;
    const at = swapOutputs(world, pair);
    return (ordering ?? "partition") === "partition"
      ? [named("reordered in partition", at)]
      : [];
  },
  "an acknowledgement of another offset": harming((world, id, _, victims) => {
    const offset = beyondEnd + victims.fresh();
    const at = { ...replaceAck(world, id, offset), offset };
    return [named("inconsistent offset", at)];
  }),
  "an offset with two contents": harming((world, id) => {
    const change = (each: Seen): Seen =>
      each.id === id ? { ...each, fingerprint: beyondEnd } : each;
    world.inputsAgain = world.inputsAgain.map(change);
    return [named("inconsistent offset", there(world.inputs, id))];
  }),
  "an offset that a second reading misses": harming((world, id) => {
    world.outputsAgain = without(world.outputsAgain, id);
    const at = { ...there(world.outputs, id), id: null };
    return [named("inconsistent offset", at)];
  }),
  "an offset that comes again": harming((world, id) => {
    const at = there(world.outputs, id);
    world.outputs.push(at);
    return [named("inconsistent offset", at)];
  }),
  "a commit behind the end": harming((world, id) => {
    const { partition } = there(world.inputs, id);
    const topic = topics.retry;
    const isHere = (each: { readonly topic: string; partition: number }) =>
      each.topic === topic && each.partition === partition;
    const known = world.commits.find((each) =>
      isHere(each) && each.offset >= beyondEnd
    );
    if (known !== undefined) return [];
    const commit = { topic, partition, offset: beyondEnd, metadata: "" };
    world.commits = [...world.commits.filter((each) => !isHere(each)), commit];
    return [named("committed beyond end", { ...commit, id: null })];
  }),
  "an output of no input": harming((world, id, _, victims) => {
    const fresh = victims.fresh();
    const { topic, partition, key } = there(world.outputs, id);
    const seen = { topic, partition, key, id: fresh, fingerprint: fresh };
    return [named("unexpected", appendOutput(world, seen))];
  }),
  "an output without an id": harming((world, id, _, victims) => {
    const { topic, partition, key } = there(world.outputs, id);
    const fingerprint = victims.fresh();
    const seen = { topic, partition, key, id: null, fingerprint };
    return [named("unexpected", appendOutput(world, seen))];
  }),
  "an input that nobody sent": harming((world, id) => {
    world.history = without(world.history, id);
    return [named("unexpected", there(world.inputs, id))];
  }),
  "a corrupt output": harming((world, id) => {
    const spoil = (each: Seen): Seen =>
      each.id === id ? { ...each, problem: "spoilt" } : each;
    world.outputs = world.outputs.map(spoil);
    return [named("corrupt", there(world.outputs, id))];
  }),
};

/** Of this world; `choose(n)` gives a number below n. */
export function victimsOf(
  world: World,
  choose: (below: number) => number,
): Victims {
  const outputs = [...world.outputs];
  const free = new Set(outputs.map(({ id }) => Number(id)));
  for (const id of free) if (isDead(id) || isDelayed(id)) free.delete(id);
  let fresh = beyondEnd;
  const take = (...ids: readonly number[]) => {
    for (const id of ids) free.delete(id);
  };
  return {
    one() {
      const left = [...free];
      if (left.length === 0) return;
      const id = left[choose(left.length)]!;
      take(id);
      return id;
    },
    pair(sameKey) {
      const pairs = outputs.flatMap((one): [Seen, Seen][] => {
        const other = outputs.find(({ partition, offset }) =>
          partition === one.partition && offset === one.offset + 1
        );
        const isFit = other !== undefined && free.has(Number(one.id)) &&
          free.has(Number(other.id)) && (one.key === other.key) === sameKey;
        return isFit ? [[one, other]] : [];
      });
      if (pairs.length === 0) return;
      const pair = pairs[choose(pairs.length)]!;
      take(...pair.map(({ id }) => Number(id)));
      return pair;
    },
    fresh: () => fresh++,
  };
}
