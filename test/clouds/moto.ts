/** AWS for tests: a moto server of this test file's own, on loopback. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { findMoto } from "../../tools/moto/find.ts";

/**
 * It ends with its standard input, so it outlives nobody, not even a killed test. It reads no conditions of bucket
 * policies: a statement against calls without TLS would deny all of them, so calls count as if they came over TLS. The
 * role of EC2 Spot has its name, and a second one is refused in AWS's words.
 */
const program = `
import json, os, sys, threading
def watch():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
permission = FakeBucket.get_permission
def over_tls(self, action, resource):
    whole = self.policy
    if whole is None:
        return permission(self, action, resource)
    document = json.loads(whole)
    in_clear = lambda one: one.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    document["Statement"] = [one for one in document["Statement"] if not in_clear(one)]
    if not document["Statement"]:
        return PermissionResult.NEUTRAL
    self.policy = json.dumps(document).encode()
    try:
        return permission(self, action, resource)
    finally:
        self.policy = whole
FakeBucket.get_permission = over_tls
from moto.iam import models
models.SERVICE_NAME_CONVERSION["spot"] = "EC2Spot"
create_linked = models.IAMBackend.create_service_linked_role
def create_linked_once(self, service_name, description, suffix):
    try:
        return create_linked(self, service_name, description, suffix)
    except models.EntityAlreadyExists as error:
        name = "AWSServiceRoleForEC2Spot" if service_name == "spot.amazonaws.com" else "of " + service_name
        raise models.RESTError("InvalidInput", "Service role name " + name + " has been taken in this account, please try a different suffix.")
models.IAMBackend.create_service_linked_role = create_linked_once
from moto.server import main
main(["-H", "127.0.0.1", "-p", "0"])
`;
const readyLimitMs = 60_000;

export interface Moto {
  /** `http://127.0.0.1:PORT`, serves every service and region. */
  url: string;
  /** What an AWS SDK, a plugin or a command needs in its environment to reach it and nothing else. */
  env: Record<string, string>;
  /** Forgets every object. */
  reset: () => Promise<void>;
  stop: () => Promise<void>;
  /** Its last lines, a Python traceback where a call made it fail. */
  said: () => string;
}

/** The account that all of moto's objects are in. */
export const motoAccount = "123456789012";

/** Nobody's: moto believes any. Files and metadata services of this computer are not asked. */
export const motoEnvironment = (url: string): Record<string, string> => ({
  AWS_ENDPOINT_URL: url,
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
});

/**
 * Starts moto on a free port; resolves when it answers.
 * @throws MotoMissing where it is not to be had; Error with its last lines when it ends instead
 */
export const startMoto = async (): Promise<Moto> => {
  const { python } = await findMoto({ log: () => {} });
  // Its clock in UTC; nothing of the real cloud's settings.
  const env = { PATH: process.env["PATH"], HOME: "/nonexistent", AWS_DEFAULT_REGION: "eu-central-1" };
  const child = spawn(python, ["-c", program], { env, stdio: ["pipe", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const said: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (why: string) => {
      child.kill("SIGKILL");
      reject(new Error(`moto ${why}:\n${said.slice(-20).join("\n")}`));
    };
    const timer = setTimeout(() => fail(`does not serve within ${readyLimitMs / 1000} s`), readyLimitMs);
    child.once("error", (error) => fail(`does not start: ${error.message}`));
    child.once("exit", (code) => fail(`ended with ${code}`));
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (said.push(line) > 200) said.shift();
      const address = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (!address) return;
      clearTimeout(timer);
      resolve(address);
    });
  });
  return {
    url,
    env: motoEnvironment(url),
    reset: async () => {
      const response = await fetch(`${url}/moto-api/reset`, { method: "POST" });
      if (!response.ok) throw new Error(`moto's reset answers ${response.status}`);
    },
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    said: () => said.join("\n"),
  };
};
