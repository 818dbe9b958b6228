/** The manager that runs, or ran, on this computer. */
import { access, constants, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../../supervisor/folder.ts";
import { countProcesses } from "../local/machines.ts";
import { duration } from "../table.ts";
import { upCommand } from "../where.ts";
import { type Facts, isAtAws } from "./facts.ts";
import { blocker, type Finding, Missing, ok, warning } from "./finding.ts";

const notHere = () => new Missing("no manager was started yet");
const flag = ({ stack }: Facts) => (stack === "local" ? "" : ` -s ${stack}`);

/** @throws Missing where none was ever started */
const started = async (facts: Facts) => {
  const [where, found] = [await facts.where(), await facts.found()];
  if (!where || !found?.config) throw notHere();
  return { paths: where.paths, found, config: found.config };
};

/** Nothing is said of a manager that has no folder on this computer, since it is at AWS. */
export const here =
  (check: (facts: Facts) => Promise<Finding[]>) =>
  async (facts: Facts): Promise<Finding[]> =>
    (await isAtAws(facts)) && (await facts.where()) === null ? [] : check(facts);

export const supervisorCheck = async (facts: Facts): Promise<Finding[]> => {
  const { found } = await started(facts);
  if (found.supervisor !== null) return [ok("supervisor", `runs (pid ${found.supervisor})`)];
  const rest = found.state
    ? "the manager runs on, but nobody would start it again"
    : "nothing would start the manager";
  return [blocker("supervisor", `does not run: ${rest}`, upCommand(facts.stack))];
};

export const managerCheck = async (facts: Facts): Promise<Finding[]> => {
  const where = await facts.where();
  const found = await facts.found();
  if (!where || !found) throw notHere();
  // A folder without settings is one that up has only begun.
  if (!found.config && /no manager was ever started/.test(found.problem ?? "")) throw notHere();
  const { state } = found;
  if (!state)
    return [blocker("manager", found.problem ?? "does not answer", found.cure ?? upCommand(facts.stack))];
  if (!state.healthy)
    return [
      blocker(
        "manager",
        `is not well: ${state.problem ?? "it does not say why"}`,
        `see ${where.paths.managerLog}`,
      ),
    ];
  const runs = `well, runs for ${duration(state.atMs - state.startedMs)}`;
  if (state.draining)
    return [
      warning(
        "manager",
        `${runs}, and drains: it starts no machine`,
        `npm run muster -- drain --undo${flag(facts)}`,
      ),
    ];
  const deaf = state.pools.filter(({ github }) => github.is === "stale");
  return deaf.length === 0
    ? [ok("manager", runs)]
    : deaf.map(({ name, github }) =>
        warning(
          "manager",
          `pool ${name} does not hear GitHub: ${github.why ?? "it does not say why"}`,
          "docs/reasons.md#view-not-fresh",
        ),
      );
};

export const versionCheck = async (facts: Facts): Promise<Finding[]> => {
  const { found, paths } = await started(facts);
  const { state } = found;
  if (!state) throw new Missing("the manager does not answer");
  const [wanted, settings] = [await facts.digest(), await readFile(paths.settings, "utf8")];
  const up = upCommand(facts.stack);
  const findings: Finding[] = [];
  if (state.managerBundle !== wanted)
    findings.push(
      warning(
        "version",
        `the manager runs version ${state.managerBundle.slice(0, 8)}, this checkout has ${wanted.slice(0, 8)}`,
        up,
      ),
    );
  if (state.configHash !== sha256(settings))
    findings.push(warning("version", "the manager has not taken the settings that lie in its folder", up));
  return findings.length > 0 ? findings : [ok("version", `${wanted.slice(0, 8)}, the one of this checkout`)];
};

const databases = ["journal.sqlite", "history.sqlite"];

export const journalCheck = async (facts: Facts): Promise<Finding[]> => {
  const { paths } = await started(facts);
  const names = await readdir(paths.directory);
  const files = names.filter((name) => databases.some((one) => name === one || name.startsWith(`${one}-`)));
  const locked: string[] = [];
  for (const name of files)
    await access(join(paths.directory, name), constants.R_OK | constants.W_OK).catch(() => locked.push(name));
  if (locked.length > 0)
    return [
      blocker(
        "journal",
        `${locked.join(", ")} cannot be written by this user: no machine is started`,
        `sudo chown "$(id -un)" ${locked.map((name) => join(paths.directory, name)).join(" ")}`,
      ),
    ];
  return [ok("journal", files.length === 0 ? "not there yet; the manager makes it" : "can be written")];
};

export const leftoversCheck = async (facts: Facts): Promise<Finding[]> => {
  const { paths, found } = await started(facts);
  const machines = await readdir(paths.machines).catch(() => []);
  const processes = await countProcesses(paths);
  if (found.state) {
    const known = new Set(found.state.machines.map(({ id }) => id));
    const unknown = machines.filter((id) => !known.has(id));
    // One that is just being made or removed may be on one side only.
    return unknown.length <= 1
      ? [ok("leftovers", "every machine is one that the manager knows")]
      : [
          warning(
            "leftovers",
            `${unknown.length} folders of machines that the manager does not know: ${unknown.slice(0, 3).join(", ")}`,
            `see ${paths.machines}; the manager removes them within minutes`,
          ),
        ];
  }
  if (machines.length === 0 && processes === 0) return [ok("leftovers", "nothing is left of machines")];
  return [
    warning(
      "leftovers",
      `without a manager there are ${machines.length} machines with ${processes} processes`,
      `${upCommand(facts.stack)} adopts them; npm run muster -- sweep${flag(facts)} ends them`,
    ),
  ];
};

export const setAsideCheck = async (facts: Facts): Promise<Finding[]> => {
  const { paths } = await started(facts);
  const pattern = new RegExp(
    `^(${databases.map((name) => name.replace(".", "\\.")).join("|")})\\.(aside|newer|unreadable)[^/]*$`,
  );
  const aside = (await readdir(paths.directory)).filter(
    (name) => pattern.test(name) && !/-(wal|shm)$/.test(name),
  );
  if (aside.length === 0) return [ok("set-aside", "no file of another version was set aside")];
  return [
    warning(
      "set-aside",
      `set aside, since this version could not read ${aside.length === 1 ? "it" : "them"}: ${aside.slice(0, 3).join(", ")}${aside.length > 3 ? ", ..." : ""}`,
      `run the version that wrote it, or remove what you do not need: rm ${aside
        .slice(0, 3)
        .map((name) => join(paths.directory, name))
        .join(" ")}`,
    ),
  ];
};
