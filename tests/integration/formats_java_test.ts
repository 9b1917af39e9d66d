/**
 * Our formats, names and decisions against those of MirrorMaker 2's own classes,
 * on generated cases: all of them are asked at once, in one JVM.
 */
import assert from "node:assert/strict";
import {
  askMirrorMaker,
  type Comparison,
} from "../support/mirror_decisions.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { seed } from "../support/soak.ts";
import * as names from "./support_formats_names.ts";
import { patterns } from "./support_formats_patterns.ts";
import * as records from "./support_formats_records.ts";
import { syncs, translations } from "./support_formats_syncs.ts";

const SUBJECTS: Readonly<Record<string, () => Comparison[]>> = {
  "offset syncs have the same bytes": records.offsetSyncs,
  "checkpoints have the same bytes": records.checkpoints,
  "heartbeats have the same bytes": records.heartbeats,
  "positions have the bytes that Connect writes and looks for":
    records.sourcePositions,
  "both policies give the same names and know the same topics": names.policies,
  "the same topics are mirrored, and checkpoints name the same": names.topics,
  "the same topics are wanted": names.wantedTopics,
  "the same groups are wanted": names.groups,
  "the same settings are copied and reset": names.configs,
  "patterns match the same names": patterns,
  "offset syncs are written at the same records": syncs,
  "offset syncs translate alike": translations,
};

realKafkaTest(`MirrorMaker 2's own classes agree (seed ${seed})`, async (t) => {
  const subjects = Object.entries(SUBJECTS).map(([name, make]) => ({
    name,
    comparisons: make(),
  }));
  const answers = await askMirrorMaker(
    subjects.flatMap(({ comparisons }) =>
      comparisons.map(({ question }) => question)
    ),
  );
  let next = 0;
  for (const { name, comparisons } of subjects) {
    const theirs = answers.slice(next, next += comparisons.length);
    await t.step(`${name} (${comparisons.length} cases)`, () => {
      comparisons.forEach(({ question, check }, index) => {
        try {
          check(theirs[index]);
        } catch (cause) {
          const asked = JSON.stringify(question).slice(0, 2000);
          throw new Error(`MirrorMaker 2 differs on ${asked}`, { cause });
        }
      });
    });
  }
  assert.equal(next, answers.length);
});
