/**
 * Examines what all lanes of a process mirror, while they go on: what stalls or
 * is idle comes to no commit, and so to no other look at its topic.
 *
 * It is one examination for all, so it costs as many requests for thousands of
 * partitions as for one. Its findings are those of the positions that it began
 * with, which are on the target; a lane that has moved meanwhile says so.
 */
import type {
  Belief,
  DamageChecker,
  Examinee,
  Finding,
} from "../topics/mod.ts";

/** One lane's part, of one life of it. */
export interface LaneExamination {
  readonly examinees: readonly Examinee[];
  readonly believes: Belief;
  /** In the order of the examinees. */
  readonly found: (findings: readonly Finding[]) => void;
}

export interface ExaminedLane {
  /** Null: there is nothing to be examined. */
  examination(): LaneExamination | null;
}

/**
 * @throws {KafkaError} when the source does not answer: no lane is told anything.
 * @throws the signal's reason.
 */
export async function examineLanes(
  lanes: Iterable<ExaminedLane>,
  checker: Pick<DamageChecker, "examine">,
  signal: AbortSignal,
): Promise<void> {
  const examinations = Array.from(lanes, (each) => each.examination())
    .filter((each) => each !== null);
  const of = new Map(
    examinations.flatMap((each) =>
      each.examinees.map((examinee) => [examinee, each] as const)
    ),
  );
  const findings = await checker.examine(
    [...of.keys()],
    signal,
    (examinee, damage) => of.get(examinee)!.believes(examinee, damage),
  );
  let from = 0;
  for (const { examinees, found } of examinations) {
    found(findings.slice(from, from += examinees.length));
  }
}
