/** The file system that faults fill, where this machine can make one. */
import assert from "node:assert/strict";
import { SmallDisk } from "../chaos/small_disk.ts";
import { Child } from "../support/child.ts";
import { eventually } from "../support/wait.ts";

const bytes = 16 * 2 ** 20;
const module = new URL("../chaos/small_disk.ts", import.meta.url).href;

async function inFolder(test: (folder: string) => Promise<void>) {
  const parent = await Deno.makeTempDir({ prefix: "switchyard-disk-" });
  const folder = `${parent}/data`;
  await Deno.mkdir(folder);
  try {
    await test(folder);
    assert.equal(await isMounted(folder), false);
    // Neither the image nor anything else.
    const left = [...Deno.readDirSync(parent)].map(({ name }) => name);
    assert.deepEqual(left, ["data"]);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

async function isMounted(folder: string): Promise<boolean> {
  return (await Deno.readTextFile("/proc/mounts")).includes(` ${folder} `);
}

Deno.test("a small disk is full and empty again, or it is said why there is none", () =>
  inFolder(async (folder) => {
    let disk: SmallDisk;
    try {
      disk = await SmallDisk.mount(folder, 1, bytes);
    } catch (error) {
      assert.match((error as Error).message, /\w+/);
      console.log(`no small disk here: ${(error as Error).message}`);
      return;
    }
    await using _ = disk;
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    const write = () =>
      Deno.writeFileSync(`${folder}/data`, new Uint8Array(1 << 16));
    {
      using _ = disk.fill();
      assert.throws(write, /No space left/);
    }
    write();
  }));

Deno.test("a small disk cannot be mounted where there is no folder", () =>
  inFolder(async (folder) => {
    await assert.rejects(SmallDisk.mount(`${folder}/none`, 1, bytes), /\w+/);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("a small disk goes away with a process that is killed", () =>
  inFolder(async (folder) => {
    await using child = Child.deno([
      "eval",
      `import { SmallDisk } from "${module}";
      const said = await SmallDisk.mount("${folder}", 1, ${bytes})
        .then(() => "mounted", () => "not possible");
      console.log(said);
      setInterval(() => {}, 1000);`,
    ]);
    const said = await child.waitForLine(/mounted|not possible/);
    assert.equal(await isMounted(folder), said === "mounted");
    child.signal("SIGKILL");
    await child.exit();
    await eventually(
      async () =>
        !await isMounted(folder) &&
        [...Deno.readDirSync(`${folder}/..`)].length === 1,
      { what: "unmounted" },
    );
  }));
