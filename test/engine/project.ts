/** Copies of the project, so that tests and benchmarks leave the checkout as it is. */
import { cp, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const checkout = join(import.meta.dirname, "../..");
const notCopied = new Set(["node_modules", ".git", ".muster", "Pulumi.local.yaml"]);

export interface Project {
  root: string;
  /** The manager's port in the copy's settings. */
  port: number;
  remove: () => Promise<void>;
}

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/**
 * A copy with the checkout's node_modules (linked), its own .muster and its own free port.
 * @param options.fakeManager take the manager that only keeps the daemon's contract (fake/manager.ts)
 * @param options.settings further plain settings, keys with their namespace
 */
export const copyProject = async (
  options: { fakeManager?: boolean; settings?: Record<string, unknown> } = {},
): Promise<Project> => {
  const root = await mkdtemp(join(tmpdir(), "muster-project-"));
  for (const entry of await readdir(checkout))
    if (!notCopied.has(entry)) await cp(join(checkout, entry), join(root, entry), { recursive: true });
  await symlink(join(checkout, "node_modules"), join(root, "node_modules"));
  if (options.fakeManager)
    for (const name of ["manager", "runner"])
      await cp(join(import.meta.dirname, `fake/${name}.ts`), join(root, `agent/${name}/main.ts`));
  const port = await freePort();
  // Jobs' stand-in runner takes the Node of this process.
  const config = { "muster:manager": { port, readable: [dirname(process.execPath)] }, ...options.settings };
  // JSON is YAML.
  await writeFile(join(root, "Pulumi.local.yaml"), `${JSON.stringify({ config }, null, 2)}\n`);
  return { root, port, remove: () => rm(root, { recursive: true, force: true, maxRetries: 5 }) };
};
