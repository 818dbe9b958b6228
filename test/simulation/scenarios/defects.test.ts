// Goal: the simulation sees what it is there to see. Method: each defect is planted round the real core, and must be caught by the
// invariant that it breaks within its own number of seeds; the same seeds pass without it (swarm.test.ts).
import { expect, test } from "vitest";
import { type Defect, defects } from "../defects.ts";
import { runScenario } from "../run.ts";
import { drawScenario } from "../scenario.ts";

const planted = Object.entries<Defect>(defects);

test.each(planted)("%s is caught", async (_name, defect) => {
  for (let seed = 1; seed <= defect.within; seed++) {
    const outcome = await runScenario(drawScenario(seed, defect.only, defect.names), defect);
    const seen = outcome.is === "correctness" ? outcome.invariant : outcome.is;
    if (seen === "passed") continue;
    expect(defect.caughtBy, `seed ${seed}: ${outcome.is === "passed" ? "" : outcome.message}`).toContain(
      seen,
    );
    return;
  }
  expect.fail(`${defect.what}: not caught in ${defect.within} seeds`);
});

test("the canary, a manager that launches for nobody's jobs, fails at its very seed", async () => {
  const canary: Defect = {
    ...{ what: "launches are never sent", caughtBy: ["14 reaction"], within: 1 },
    actions: (actions) => actions.filter((action) => action.do !== "launch"),
  };
  const outcome = await runScenario(drawScenario(3), canary);
  expect(outcome.is).not.toBe("passed");
});
