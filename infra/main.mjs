// Plain JavaScript, so that an old Node can read it and say what is wrong. The program itself is index.ts.
import { RunError } from "@pulumi/pulumi/errors.js";

/** From this version on Node strips types by itself. */
const minimum = [22, 18];

// Pulumi's language host maps every stack trace to TypeScript, and Pulumi takes one for each promise and resource: a
// quarter of a preview's seconds. Node runs this program's own sources: its traces are right as they are.
Error.prepareStackTrace = undefined;

export default async () => {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < minimum[0] || (major === minimum[0] && minor < minimum[1]))
    throw new RunError(
      `this program needs Node.js ${minimum.join(".")} or later, and the first "node" on PATH is ${process.version}. ` +
        `Run it as "npm run pulumi -- preview -s STACK", which puts the checkout's own Node 24 first (after "npm ci"), ` +
        `or put a newer Node on PATH.`,
    );
  const { default: program } = await import("./index.ts");
  return program();
};
