/** The manager's folder is emptied by `destroy`, so it must be nothing that anybody else needs. */
import { isAbsolute, relative, resolve } from "node:path";
import type { Wrong } from "./errors.ts";

/** Folders that may not be inside the manager's. */
export interface Places {
  /** The checkout; a relative folder starts there. */
  root: string;
  /** The user's. */
  home: string;
}

const holds = (outer: string, inner: string) => {
  const way = relative(outer, inner);
  return way === "" || !(way === ".." || way.startsWith("../") || isAbsolute(way));
};

/** @param given `muster:manager.directory` as written */
export const checkDirectory = (given: string, { root, home }: Places): Wrong[] => {
  const directory = resolve(root, given);
  const held = [
    { path: root, what: "this checkout" },
    { path: home, what: "your home" },
  ].find(({ path }) => holds(directory, resolve(path)));
  if (!held) return [];
  const is = directory === resolve(held.path) ? `is ${held.what}` : `holds ${held.what}, ${held.path}`;
  return [
    {
      path: "muster:manager.directory",
      given: JSON.stringify(given),
      allowed: `${directory} ${is}, and destroy would remove it; allowed is a folder of its own, empty or not there yet`,
    },
  ];
};
