/**
 * The name of this instance in its transactional ids. Two processes with one
 * name would fence each other, so processes on one host that were given none
 * take `<host>-0`, `<host>-1`, ..., each as long as it lives.
 */
import { join } from "node:path";
import { tmpdir } from "node:os";
import type { LoadedSettings } from "../config/mod.ts";

const MOST = 1000;

export interface InstanceId extends Disposable {
  readonly id: string;
}

/** A name that somebody has chosen: whoever takes it last has it. */
export const chosenInstanceId = (id: string): InstanceId => ({
  id,
  [Symbol.dispose]: () => {},
});

/** Unique on this host, if nobody has chosen another. */
export const instanceIdOf = (
  { settings: { instanceId }, sources }: LoadedSettings,
): InstanceId =>
  sources.get("instanceId")?.kind === "default"
    ? freeInstanceId(instanceId)
    : chosenInstanceId(instanceId);

/**
 * The first free one. It is free again when this process has ended, however
 * that comes, because the system then gives up its lock.
 * @param folder where the lock files are; shared by the processes of a host
 */
export function freeInstanceId(
  host: string,
  folder: string = lockFolder(),
): InstanceId {
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let number = 0; number < MOST; number++) {
    const id = `${host}-${number}`;
    const file = Deno.openSync(join(folder, `${id}.lock`), {
      create: true,
      write: true,
    });
    if (file.tryLockSync(true)) {
      return {
        id,
        [Symbol.dispose]: () => file.close(),
      };
    }
    file.close();
  }
  throw new Error(`${MOST} instances run on ${host}; set INSTANCE_ID`);
}

/** By number: in a container its user may have no name. */
const lockFolder = () => join(tmpdir(), `switchyard-${Deno.uid()}`);
