/** The drills of docs/disaster-recovery.md, on embedded clusters. */
import { Runbook } from "../support/runbook.ts";
import { DRILLS } from "../support/runbook_commands.ts";

for (const command of DRILLS) {
  Deno.test(`the runbook's command runs: ${command}`, async () => {
    const runbook = await Runbook.read({ HTTP_PORT: "0" });
    await runbook.drill(command);
  });
}
