import { expect, it } from "vitest";
import { MotoMissing } from "../../../tools/moto/find.ts";
import { lacksMoto } from "../../../tools/test/moto.ts";

it("lacks nothing where moto is found, and says what installing it says", async () => {
  const lines: string[] = [];
  const found = await lacksMoto(
    (text) => lines.push(text),
    ({ log }) => {
      log("installing");
      return Promise.resolve({ python: "/python", version: "5" });
    },
  );
  expect(found).toBeNull();
  expect(lines).toEqual(["moto: installing"]);
});

it("is missing with the command that supplies it; what went wrong otherwise is passed on", async () => {
  const missing = new MotoMissing("python3 is not on PATH.", "sudo apt-get install -y python3-venv");
  expect(
    await lacksMoto(
      () => {},
      () => Promise.reject(missing),
    ),
  ).toEqual({ why: missing.message, cure: missing.cure });
  const broken = lacksMoto(
    () => {},
    () => Promise.reject(new Error("disk full")),
  );
  await expect(broken).rejects.toThrow("disk full");
});
