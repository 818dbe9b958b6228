// What `import { Runners } from "muster"` gives. Plain JavaScript: Node strips the types of no file below node_modules,
// where npm puts a package that it fetched, so there this does it.
import module from "node:module";
import { fileURLToPath } from "node:url";
import { readFileSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18))
  throw new Error(
    `muster needs Node.js 22.18 or later, and the node that runs this program is ${process.version}: put a newer one first on PATH.`,
  );

const root = new URL("..", import.meta.url).href;
if (root.includes("/node_modules/")) {
  strip("");
  module.registerHooks({
    load(url, context, next) {
      if (
        !url.startsWith(root) ||
        !/^[^?#]*\.ts$/.test(url) ||
        url.slice(root.length).includes("node_modules/")
      )
        return next(url, context);
      const source = readFileSync(fileURLToPath(url), "utf8");
      return { format: "module", shortCircuit: true, source: module.stripTypeScriptTypes(source) };
    },
  });
}

/** Node says at the first call of a process that this may change; nobody who uses muster can do anything about it. */
function strip(text) {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    module.stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}

// A plain import would come before what stands above, and Pulumi hands what is required to a compiler of its own.
export const { Runners } = await import("./stack.ts");
