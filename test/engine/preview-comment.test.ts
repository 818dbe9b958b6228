// Goal: a pull request's comment says what the real engine's preview says, costs and failures included.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readPreview } from "../../tools/preview-comment/events.ts";
import { renderComment } from "../../tools/preview-comment/render.ts";
import { makeEngineRig, token, type EngineRig } from "./rig.ts";

let rig: EngineRig;
const costs = (atMostPerHour: number) =>
  `costs: { currency: "USD", idlePerHour: 0.01, idlePerMonth: 7.3, atMostPerHour: ${atMostPerHour}, atMostPerMonth: 1, pricesOf: "2026-11-01" },`;

/** This computer's stack costs nothing: the copy says what one in the cloud would say. */
const withCosts = async (atMostPerHour: number) => {
  const file = join(rig.project.root, "infra/index.ts");
  const source = await readFile(file, "utf8");
  const bare = source.replace(/\{ \.\.\.\(([^;]*)\), costs:.*\};/, "$1;");
  const changed = bare.replace(/return (.*outputs\(\));/, `return { ...($1), ${costs(atMostPerHour)} };`);
  expect(changed).not.toBe(bare);
  await writeFile(file, changed);
};

const preview = async () => {
  const file = join(rig.project.root, ".muster/events.json");
  const ran = await rig.stack.pulumi(["preview", "--event-log", file], {
    env: { ...rig.stack.env, PULUMI_DEBUG_COMMANDS: "true" },
  });
  const text = renderComment(
    [{ stack: "local", preview: readPreview(await readFile(file, "utf8")) }],
    "c0ffee",
  );
  return { code: ran.code, text };
};

beforeAll(async () => {
  rig = await makeEngineRig();
});
afterAll(() => rig?.remove());

test("a new stack, an edit, and settings that are wrong", async () => {
  await withCosts(1);
  const made = await preview();
  expect(made.code).toBe(0);
  expect(made.text).toMatch(/\*\*5 to create\*\*, 0 unchanged\./);
  expect(made.text).toContain("| at most, an hour | - | 1.0000 USD |");
  await rig.stack.up();

  await withCosts(2.5);
  await rig.stack.setConfig({ pools: { big: { max: 4, backends: [{ local: {} }] } } });
  const edited = await preview();
  expect(edited.text).toContain("**1 to update**");
  expect(edited.text).toContain("| update | `runners-local-manager` | `command:local:Command` | `stdin` |");
  expect(edited.text).toContain("| at most, an hour | 1.0000 USD | 2.5000 USD | +1.5000 |");
  expect(edited.text).not.toContain(token);

  await rig.stack.setConfig({ pools: { big: { max: -1, backends: [{ local: {} }] } } });
  const wrong = await preview();
  expect(wrong.code).not.toBe(0);
  expect(wrong.text).toContain("**The preview failed:**");
  expect(wrong.text).toContain("muster:pools.big.max = -1");
  await rig.stack.destroy();
});
