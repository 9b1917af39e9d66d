import assert from "node:assert/strict";
import type { PoolStatus } from "../../src/pool/status.ts";
import { LiveView, type Terminal } from "../../src/telemetry/live_view.ts";
import { eventually } from "../support/wait.ts";
import { poolStatus, workerStatus } from "./support_pool_status.ts";

const totals = {
  consumed: 0,
  produced: 0,
  deadLettered: 0,
  skipped: 0,
  retried: 0,
  alreadyDone: 0,
};
const title = {
  processor: "p",
  inputTopic: "in",
  outputTopic: "out",
  cluster: "c",
  heapLimitBytes: 1e9,
};

function status(workers: number, phase: PoolStatus["phase"] = "running") {
  return poolStatus({
    phase,
    totals,
    workers: Array.from(
      { length: workers },
      (_, id) => workerStatus(id, { totals }),
    ),
  });
}

const visible = (text: string) => text.replaceAll("\x1b", "␛");
const TOKEN = /␛\[\??\d*[A-Za-z]|\r|\n|[^␛\r\n]+/g;

function rowsUp(text: string): number | null {
  const rows = /␛\[(\d+)A/.exec(text)?.[1];
  return rows === undefined ? null : Number(rows);
}

/** Just as much of a terminal as the view uses. */
class Screen implements Terminal {
  readonly rows: string[] = ["$ deno task start"];
  cursorIsShown = true;
  columns = 80;
  frames = 0;
  /** What `write` waits for. */
  taken: Promise<void> = Promise.resolve();
  #row = 1;

  size() {
    return { columns: this.columns, rows: 24 };
  }

  async write(text: string): Promise<void> {
    this.frames++;
    await this.taken;
    this.writeNow(text);
  }

  writeNow(text: string): void {
    for (const [token] of visible(text).matchAll(TOKEN)) {
      this.#obey(token);
    }
  }

  #obey(token: string): void {
    const up = rowsUp(token);
    if (up !== null) this.#row -= up;
    else if (token === "␛[?25l") this.cursorIsShown = false;
    else if (token === "␛[?25h") this.cursorIsShown = true;
    else if (token === "␛[J") this.rows.length = this.#row + 1;
    else if (token === "\n") this.#row++;
    else if (token === "\r" || token === "␛[K") return;
    else {
      // The view writes each line as a whole, from its first column.
      assert.doesNotMatch(token, /␛/);
      this.rows[this.#row] = token;
    }
    this.rows[this.#row] ??= "";
  }

  get text(): string {
    return this.rows.join("\n");
  }
}

function viewOn(terminal: Terminal, state: () => PoolStatus): LiveView {
  return new LiveView({ title, status: state, terminal, color: false });
}

Deno.test("the view is redrawn in place, below what was there before", async () => {
  const screen = new Screen();
  let workers = 5;
  await using _ = viewOn(screen, () => status(workers));
  await eventually(() => screen.text.includes("\n 4  "), { what: "drawn" });
  workers = 2;
  await eventually(() => !screen.text.includes("\n 4  "), { what: "redrawn" });
  assert.equal(screen.rows[0], "$ deno task start");
  assert.equal(screen.text.match(/Switchyard/g)?.length, 1);
  assert.equal(screen.text.match(/Ctrl-C to stop/g)?.length, 1);
});

Deno.test("a terminal that became narrower is still redrawn in place", async () => {
  const screen = new Screen();
  await using _ = viewOn(screen, () => status(1));
  await eventually(() => screen.text.includes("Ctrl-C"), { what: "drawn" });
  // As terminals do, it wraps the lines that have become too long.
  screen.columns = 40;
  const wrapped = screen.rows.slice(1).reduce(
    (sum, row) => sum + Math.max(1, Math.ceil(row.length / 40)),
    0,
  );
  const up = await new Promise<number | null>((resolve) => {
    const before = screen.writeNow.bind(screen);
    screen.writeNow = (text) => {
      screen.writeNow = before;
      resolve(rowsUp(visible(text)));
    };
  });
  assert.equal(up, wrapped - 1);
});

Deno.test("the last frame stays, with the cursor shown below it", async () => {
  const screen = new Screen();
  let state = status(1);
  {
    await using _ = viewOn(screen, () => state);
    await eventually(() => !screen.cursorIsShown, { what: "cursor hidden" });
    state = status(1, "stopped");
  }
  assert.match(screen.text, /● stopped/);
  assert.equal(screen.rows.at(-1), "");
  assert.ok(screen.cursorIsShown);
});

Deno.test("the cursor comes back when the status throws", async () => {
  const screen = new Screen();
  let broken = false;
  const view = viewOn(screen, () => {
    if (broken) throw new Error("no status");
    return status(1);
  });
  await eventually(() => !screen.cursorIsShown, { what: "cursor hidden" });
  broken = true;
  await assert.rejects(view[Symbol.asyncDispose](), /no status/);
  assert.ok(screen.cursorIsShown);
});

for (
  const end of ["Deno.exit(3)", "throw new Error('x')", "Promise.reject(1)"]
) {
  Deno.test(`the cursor comes back when the process ends by ${end}`, async () => {
    const module = new URL("../../src/telemetry/live_view.ts", import.meta.url);
    const { stdout, code } = await new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `import { LiveView, standardTerminal } from "${module.href}";
         const terminal = standardTerminal();
         new LiveView({
           title: ${JSON.stringify(title)},
           status: () => (${JSON.stringify(status(1))}),
           terminal: {
             ...terminal,
             size: () => ({ columns: 80, rows: 24 }),
             async write(text) {
               await terminal.write(text);
               setTimeout(() => { ${end} });
             },
           },
           color: false,
         });`,
      ],
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.notEqual(code, 0);
    assert.ok(text.includes("\x1b[?25l"));
    assert.ok(text.lastIndexOf("\x1b[?25h") > text.lastIndexOf("\x1b[?25l"));
  });
}

Deno.test("frames are left out while the terminal takes none", async () => {
  const screen = new Screen();
  const { promise, resolve } = Promise.withResolvers<void>();
  screen.taken = promise;
  let looks = 0;
  using timer = capturedInterval();
  const view = viewOn(screen, () => {
    looks++;
    return status(1);
  });
  for (let tick = 0; tick < 3; tick++) timer.fire();
  assert.deepEqual([looks, screen.frames], [1, 1]);
  resolve();
  await view[Symbol.asyncDispose]();
  assert.equal(looks, 2);
  assert.match(screen.text, /Switchyard/);
});

/** Lets the test itself say when the next interval fires. */
function capturedInterval() {
  const { setInterval } = globalThis;
  let fire = () => {};
  globalThis.setInterval = ((callback: () => void) => {
    fire = callback;
    return 0;
  }) as unknown as typeof setInterval;
  return {
    fire: () => fire(),
    [Symbol.dispose]: () => void (globalThis.setInterval = setInterval),
  };
}

Deno.test("a terminal that is gone does not fail the job", async () => {
  const screen = new Screen();
  await using _ = viewOn(screen, () => status(1));
  await eventually(() => screen.frames >= 1, { what: "drawn" });
  screen.write = () => Promise.reject(new Deno.errors.BrokenPipe("gone"));
});

Deno.test("warnings of the log appear in the view", async () => {
  const screen = new Screen();
  await using view = viewOn(screen, () => status(1));
  view.log({
    time: "2026-01-02T03:04:05.678Z",
    level: "warn",
    message: "worker restarts",
    fields: {},
  });
  await eventually(() => screen.text.includes("worker restarts"), {
    what: "shown",
  });
});
