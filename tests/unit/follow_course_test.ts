import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Answer,
  beginningFrom,
  type Course,
  courseAfter,
  STATELESS,
} from "../../dr/follow/course.ts";
import { type DrState, isWorkedIn, type Phase } from "../../dr/state/mod.ts";
import { FIRST } from "./support_dr_state.ts";

const STOPPED: readonly Phase[] = ["fencing", "draining", "releasing"];

const phase = fc.constantFrom<Phase>(
  "steady",
  "fencing",
  "draining",
  "releasing",
  "recovering",
  "reversing",
  "catching-up",
);

/** States as the sentinels write them: each promotion begins an era. */
const history: fc.Arbitrary<DrState[]> = fc.array(
  fc.record({ phase, isPromotion: fc.boolean() }),
  { minLength: 1, maxLength: 30 },
).map((steps) => {
  let state = FIRST;
  return steps.map(({ isPromotion, phase }) => {
    const { active, epoch, era } = state;
    state = {
      ...state,
      epoch: epoch + 1,
      phase,
      era: era + (isPromotion ? 1 : 0),
      active: isPromotion
        ? active === "primary" ? "secondary" : "primary"
        : active,
    };
    return state;
  });
});

/** What is seen: some states are missed, and old ones come again. */
const sightings = history.chain((states) =>
  fc.record({
    states: fc.constant(states),
    seen: fc.array(fc.nat(states.length - 1), { minLength: 1, maxLength: 60 })
      .map((indexes) => indexes.map((index) => states[index]!)),
  })
);

function coursesOf(seen: readonly DrState[]): Course[] {
  let course: Course | null = null;
  return seen.map((state) => course = courseAfter(course, state));
}

Deno.test("work goes on under the newest state that was seen, and under no other", () => {
  fc.assert(fc.property(sightings, ({ seen }) => {
    coursesOf(seen).forEach(({ epoch, stay }, at) => {
      const newest = seen.slice(0, at + 1)
        .reduce((one, other) => other.epoch > one.epoch ? other : one);
      assert.equal(epoch, newest.epoch);
      assert.equal(stay === null, STOPPED.includes(newest.phase));
      if (stay === null) return;
      assert.equal(stay.cluster, newest.active);
      assert.equal(stay.era, newest.era);
      assert.ok(stay.epoch <= newest.epoch);
    });
  }));
});

Deno.test("stays have rising epochs, and none spans a promotion or a stop that was seen", () => {
  fc.assert(fc.property(sightings, ({ seen, states }) => {
    const courses = coursesOf(seen);
    let highest = -1;
    for (const [at, course] of courses.entries()) {
      const { stay } = course;
      const before = courses[at - 1];
      if (stay !== null && stay !== before?.stay) {
        assert.ok(stay.epoch > highest);
        highest = stay.epoch;
      }
      if (stay !== null) {
        const spanned = states.filter(({ epoch }) =>
          epoch >= stay.epoch && epoch <= course.epoch
        );
        const eras = new Set(spanned.map(({ era }) => era));
        assert.deepEqual([...eras], [stay.era]);
      }
      if (before?.stay === null && stay !== null) {
        assert.ok(stay.epoch > before.epoch);
      }
    }
  }));
});

Deno.test("a stay goes on through what stops nobody", () => {
  const states = (["steady", "recovering", "reversing", "catching-up"] as const)
    .map((phase, at) => ({ ...FIRST, epoch: 1 + at, phase }));
  const courses = coursesOf(states);
  assert.deepEqual(
    courses.map(({ stay }) => stay),
    states.map(() => ({ cluster: "primary", era: 0, epoch: 1 })),
  );
  assert.ok(!isWorkedIn("fencing"));
});

Deno.test("the first state that says nothing new moves nobody who began without one", () => {
  const { stay } = courseAfter(STATELESS, FIRST);
  assert.equal(stay, STATELESS.stay);
});

const answer = fc.option(
  fc.oneof(
    fc.constant<Answer>("none"),
    history.map((states): Answer => states.at(-1)!),
  ),
  { nil: undefined },
);

Deno.test("the beginning is the newest state of those that answer, and waits for the secondary unless it is late", () => {
  fc.assert(
    fc.property(answer, answer, fc.boolean(), (one, two, isLate) => {
      const answers = {
        ...(one === undefined ? {} : { primary: one }),
        ...(two === undefined ? {} : { secondary: two }),
      };
      const course = beginningFrom(answers, isLate);
      const states = [one, two]
        .filter((each) => each !== undefined && each !== "none");
      const isHeard = two !== undefined &&
        (two !== "none" || one !== undefined);
      assert.equal(course === null, !isHeard && !isLate);
      if (course === null) return;
      assert.equal(
        course.epoch,
        Math.max(0, ...states.map(({ epoch }) => epoch)),
      );
      if (states.length === 0) assert.equal(course.stay?.cluster, "primary");
    }),
  );
});
