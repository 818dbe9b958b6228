import { expect, test } from "vitest";
import { mustFindWhere } from "../../../agent/cli/where.ts";

const pulumi = (outputs: Record<string, unknown> | null) => ({
  root: "/nowhere",
  pulumi: () => ({
    run: (args: readonly string[]) => {
      const wanted = args.includes("--json") ? outputs : outputs?.[args.at(-1)!];
      const code = wanted === undefined || wanted === null ? 255 : 0;
      const stdout = code === 0 ? (typeof wanted === "string" ? wanted : JSON.stringify(wanted)) : "";
      return Promise.resolve({ code, stdout, stderr: "", timedOut: false });
    },
  }),
});

test("a folder that the stack's outputs name is the manager's", async () => {
  const { paths } = await mustFindWhere({ stack: "dev" }, pulumi({ directory: "/somewhere/dev" }));
  expect(paths.directory).toBe("/somewhere/dev");
});

test("of a manager at AWS it is said where it is and how it is looked at, not that there is none", async () => {
  const outputs = {
    region: "eu-central-1",
    manager: "i-0abc",
    page: "http://127.0.0.1:7117/",
    commands: { page: "aws ssm start-session --target i-0abc", logs: "aws logs tail /muster-dev" },
  };
  const refused = mustFindWhere({ stack: "dev" }, pulumi(outputs));
  await expect(refused).rejects.toThrow("the manager of dev is at AWS (i-0abc in eu-central-1)");
  await expect(refused).rejects.toThrow(
    /Session Manager plugin[^]*aws ssm start-session --target i-0abc\n[^]*http:\/\/127\.0\.0\.1:7117\/[^]*aws logs tail[^]*sweep --list -s dev\n[^]*doctor -s dev/,
  );
  await expect(refused).rejects.not.toThrow("Start it");
});

test("of a stack without outputs, and of one that does not exist, it is said how one is started", async () => {
  for (const outputs of [{}, null])
    await expect(mustFindWhere({ stack: "dev" }, pulumi(outputs))).rejects.toThrow(
      "the stack dev has no manager on this computer. Start it: npm run pulumi -- up -s dev",
    );
});
