/** The dashboards are whole, and fit any Grafana. */
import assert from "node:assert/strict";
import {
  type Dashboard,
  panelsOf,
  queriesOf,
  readDashboards,
} from "../support/grafana_dashboards.ts";

const boards = readDashboards();

Deno.test("there are dashboards of pools, of DR and of brokers, each with a uid", () => {
  assert.deepEqual(
    [...boards].map(([file, { uid }]) => [file, uid]).toSorted(),
    [
      ["brokers.json", "switchyard-brokers"],
      ["dr.json", "switchyard-dr"],
      ["pool.json", "switchyard-pool"],
    ],
  );
});

each("numbers and titles of panels are its own", ({ panels }) => {
  const ids = panels.map(({ id }) => id);
  const titles = panels.map(({ title }) => title);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(new Set(titles).size, titles.length);
});

each("no panel lies on another one", ({ panels }) => {
  const taken = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of panels) {
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        const cell = `${column} ${line}`;
        assert.ok(!taken.has(cell), `${title} lies on another one`);
        taken.add(cell);
      }
    }
  }
});

each("lines have names, and queries of a panel names of their own", (board) => {
  for (const { targets, title, type } of panelsOf(board)) {
    const ids = targets.map(({ refId }) => refId);
    assert.equal(new Set(ids).size, ids.length, title);
    if (type === "stat" || type === "table") continue;
    for (const { legendFormat } of targets) assert.notEqual(legendFormat, "");
  }
});

each("variables that queries name are there, and are used", (board) => {
  const there = board.templating.list.map(({ name }) => name)
    .filter((name) => name !== "datasource");
  const used = queriesOf(board).flatMap((query) =>
    [...query.matchAll(/\$(\w+)/g)].map(([, name]) => name!)
  ).filter((name) => !name.startsWith("__"));
  assert.deepEqual([...new Set(used)].toSorted(), there.toSorted());
});

function each(what: string, test: (board: Dashboard) => void): void {
  for (const [file, board] of boards) {
    Deno.test(`${file}: ${what}`, () => test(board));
  }
}
