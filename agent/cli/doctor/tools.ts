/** Programs that the stack on this computer and its jobs need. */
import { access, constants, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { describeConfinement } from "../../confinement/kind.ts";
import { type Facts, isAtAws } from "./facts.ts";
import { blocker, type CheckId, type Finding, ok, warning } from "./finding.ts";

/** As package.json and infra/main.mjs have it. */
const nodeMinimum = [22, 18] as const;
const programMs = 10_000;

/** Where PATH has the program; null when nowhere. */
export const onPath = async (name: string, { PATH }: NodeJS.ProcessEnv): Promise<string | null> => {
  for (const folder of (PATH ?? "").split(delimiter).filter(Boolean)) {
    const file = join(folder, name);
    const usable = await access(file, constants.X_OK).then(
      () => stat(file).then((found) => found.isFile()),
      () => false,
    );
    if (usable) return file;
  }
  return null;
};

export const nodeCheck = async ({ deps }: Facts): Promise<Finding[]> => {
  const own = join(deps.root, "node_modules/.bin/node");
  const ran = await deps.run(own, ["--version"], { env: deps.env, limitMs: programMs });
  const version = /^v(\d+)\.(\d+)\.\d+/.exec(ran.stdout.trim());
  if (ran.code !== 0 || !version)
    return [
      blocker("node", `the Node that npm installs beside the packages does not run (${own})`, "npm ci"),
    ];
  const [major, minor] = [Number(version[1]), Number(version[2])];
  if (major < nodeMinimum[0] || (major === nodeMinimum[0] && minor < nodeMinimum[1]))
    return [blocker("node", `${own} is ${version[0]}, older than ${nodeMinimum.join(".")}`, "npm ci")];
  return [ok("node", `${version[0]}, from the packages`)];
};

interface Tool {
  id: CheckId & ("npm" | "git" | "tar" | "bash");
  level: typeof blocker;
  without: string;
}
const tools: readonly Tool[] = [
  { id: "npm", level: warning, without: "the verbs are run by npm; node agent/cli/main.ts works as well" },
  {
    id: "git",
    level: warning,
    without: "actions/checkout then fetches an archive, without history and submodules",
  },
  { id: "tar", level: blocker, without: "no runner can be unpacked" },
  { id: "bash", level: warning, without: "steps that say shell: bash fail" },
];

export const toolCheck =
  (id: Tool["id"]) =>
  async ({ deps }: Facts): Promise<Finding[]> => {
    const { level, without } = tools.find((tool) => tool.id === id)!;
    const cure = `install it: sudo apt-get install ${id} (or as your system does it)`;
    const file = await onPath(id, deps.env);
    if (file === null) return [level(id, `${id} is not on PATH: ${without}`, cure)];
    const ran = await deps.run(file, ["--version"], { env: deps.env, limitMs: programMs });
    if (ran.code !== 0) return [level(id, `${file} does not run (exit code ${ran.code}): ${without}`, cure)];
    return [ok(id, `${/\d+\.\d+(\.\d+)?/.exec(ran.stdout)?.[0] ?? "some version"}, ${file}`)];
  };

/** What the commands among the outputs of a stack on AWS are typed for. */
const sessionTools = {
  aws: "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
  "session-manager-plugin":
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html",
};

/** Whether the manager's page and shell at AWS can be reached from here. */
export const sessionCheck = async (facts: Facts): Promise<Finding[]> => {
  if (!(await isAtAws(facts))) return [];
  const looked = await Promise.all(
    Object.entries(sessionTools).map(async ([name, page]) => ({
      name,
      page,
      file: await onPath(name, facts.deps.env),
    })),
  );
  const missing = looked.filter(({ file }) => file === null);
  if (missing.length === 0) return [ok("session-manager", looked.map(({ file }) => file).join(", "))];
  return [
    warning(
      "session-manager",
      `${missing.map(({ name }) => name).join(" and ")} not on PATH: the manager's page and shell are not reached from here (commands of the stack's outputs)`,
      `install: ${missing.map(({ page }) => page).join(" and ")}`,
    ),
  ];
};

/** How jobs of this computer can be kept apart, by trying it. */
export const isolationCheck = async (facts: Facts): Promise<Finding[]> => {
  if (await isAtAws(facts)) return [];
  const found = await facts.confinement();
  const said = describeConfinement(found);
  if (found.kind !== "none") return [ok("isolation", said)];
  return found.refused.map((why) => {
    // Each sentence ends with its cure: `... (problem): cure`.
    const at = why.lastIndexOf(": ");
    return warning(
      "isolation",
      `${said}: ${at < 0 ? why : why.slice(0, at)}`,
      at < 0 ? "" : why.slice(at + 2),
    );
  });
};
