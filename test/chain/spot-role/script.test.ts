/** The script as `up` runs it: the text of the Command through a shell, against moto and against an IAM that denies. */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { CreateServiceLinkedRoleCommand, IAMClient, ListRolesCommand } from "@aws-sdk/client-iam";
import { beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { packedScript, scriptLine } from "../../../infra/aws/script.ts";
import { bundle } from "../../../infra/bundle.ts";
import { withMoto } from "../with-moto.ts";

const moto = withMoto();
beforeEach(() => moto().reset());
let packed: string;
beforeAll(async () => {
  const bundles = await bundle(join(import.meta.dirname, "../../.."), ["spot-role"], () => {});
  packed = await packedScript(bundles["spot-role"]);
});

const region = "eu-central-1";
const name = "AWSServiceRoleForEC2Spot";
const made = `muster: made ${name}, the account's role for spot machines; all stacks use it, and no destroy removes it\n`;
const rolesNow = async () => {
  const { Roles = [] } = await new IAMClient({ region }).send(new ListRolesCommand());
  return Roles.map(({ RoleName, Path }) => `${Path}${RoleName}`);
};

const runScript = async (env: NodeJS.ProcessEnv = {}) => {
  const child = spawn("/bin/sh", ["-c", scriptLine(region)], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => {
    // It ended before it read the script.
  });
  child.stdin.end(packed);
  const code = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
};

/** An IAM that answers each of its actions so; those that were asked for. */
const iam = async (answers: Record<string, { status: number; code: string; message?: string }>) => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const action = new URLSearchParams(body).get("Action")!;
      asked.push(action);
      const { status, code, message = "no" } = answers[action]!;
      response.writeHead(status, { "content-type": "text/xml" });
      response.end(
        `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { asked, env: { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` } };
};
const denied = { status: 403, code: "AccessDenied" };
const missing = { status: 404, code: "NoSuchEntity" };
const taken = {
  status: 400,
  code: "InvalidInput",
  message: `Service role name ${name} has been taken in this account, please try a different suffix.`,
};

test("an account without the role has it then, and a second run finds it and says nothing", async () => {
  expect(await rolesNow()).toEqual([]);
  expect(await runScript()).toEqual({ code: 0, stdout: "", stderr: made });
  expect(await rolesNow()).toEqual([`/aws-service-role/spot.amazonaws.com/${name}`]);
  expect(await runScript()).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("an account with the role keeps it", async () => {
  await new IAMClient({ region }).send(
    new CreateServiceLinkedRoleCommand({ AWSServiceName: "spot.amazonaws.com" }),
  );
  const before = await rolesNow();
  expect(await runScript()).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await rolesNow()).toEqual(before);
});

test("a look-up that is denied, or earlier than another stack, ends with a role that is taken", async () => {
  for (const look of [denied, missing]) {
    const { asked, env } = await iam({ GetRole: look, CreateServiceLinkedRole: taken });
    expect(await runScript(env)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(asked).toEqual(["GetRole", "CreateServiceLinkedRole"]);
  }
});

test("another refusal of the role is not taken for one that is there", async () => {
  const message = "Unknown service principal";
  const { env } = await iam({ GetRole: missing, CreateServiceLinkedRole: { ...taken, message } });
  const { code, stderr } = await runScript(env);
  expect([code, stderr]).toEqual([1, expect.stringMatching(`^muster: making ${name}: .*${message}\n$`)]);
});

test("without the right to make a missing role it fails and says what to do", async () => {
  const { env } = await iam({ GetRole: missing, CreateServiceLinkedRole: denied });
  const { code, stdout, stderr } = await runScript(env);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(`muster: The account has no ${name}`);
  expect(stderr).toContain("aws iam create-service-linked-role --aws-service-name spot.amazonaws.com");
});

test("without credentials for AWS it fails and says which to give", async () => {
  const without = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", HOME: "/nonexistent" };
  const { code, stderr } = await runScript(without);
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining("Give this shell those of the stack's account"),
  ]);
});

test("the state holds less than 100 KB for it", () => {
  expect(packed.length).toBeLessThan(100_000);
});
