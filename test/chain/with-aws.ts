/** The stand-in of AWS for the tests of one file, where every client of the SDK without an address of its own finds it. */
import { afterAll, beforeAll, vi } from "vitest";
import { startAws, type Aws } from "../clouds/aws/aws.ts";

export { makeEntry } from "../clouds/aws/entry.ts";

/** @returns what gives it, once the file's tests run */
export const withAws = (): (() => Aws) => {
  let aws: Aws;
  beforeAll(async () => {
    aws = await startAws();
    for (const [name, value] of Object.entries(aws.env)) vi.stubEnv(name, value);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await aws.close();
  });
  return () => aws;
};
