/** Which rights muster needs at GitHub, and why: the smallest set that works (GitHub's permission names). */
import type { Target } from "../../manager/github/url.ts";

export interface Right {
  /** As the API and manifests name it. */
  permission: string;
  level: "read" | "write";
  /** Where the settings page lists it, and its name there. */
  group: "Repository" | "Organization";
  name: string;
  why: string;
}

const administration: Right = {
  permission: "administration",
  level: "write",
  group: "Repository",
  name: "Administration",
  why: "registers and removes runners of the repository; GitHub has no smaller right for that",
};
const selfHosted: Right = {
  permission: "organization_self_hosted_runners",
  level: "write",
  group: "Organization",
  name: "Self-hosted runners",
  why: "registers and removes runners of the organisation",
};
const metadata: Right = {
  permission: "metadata",
  level: "read",
  group: "Repository",
  name: "Metadata",
  why: "GitHub gives it with every right to a repository",
};
const actions: Right = {
  permission: "actions",
  level: "read",
  group: "Repository",
  name: "Actions",
  why: "reads which jobs wait, since github.source is queued-runs",
};

const rerunning: Right = {
  ...actions,
  level: "write",
  why: "runs jobs again that lost their machine to AWS, since a pool's rerun is once, and reads their runs",
};
const deployments: Right = {
  permission: "deployments",
  level: "read",
  group: "Repository",
  name: "Deployments",
  why: "tells jobs that deploy from others, so that none of them is run again",
};

/**
 * @param source `github.source` of the settings: only queued-runs reads runs and jobs; scale sets need nothing of it
 * @param reruns whether a pool on a cloud has `rerun: once`
 */
export const neededRights = (
  kind: "repository" | "organization",
  source: string | null,
  reruns = false,
): Right[] => {
  const queued = source === "queued-runs";
  const runs = reruns ? [rerunning, deployments] : queued ? [actions] : [];
  if (kind === "repository") return [administration, ...runs, metadata];
  return [selfHosted, ...runs, ...(runs.length > 0 ? [metadata] : [])];
};

/** `Administration: read and write` */
export const words = ({ name, level }: Pick<Right, "name" | "level">): string =>
  `${name}: ${level === "write" ? "read and write" : "read"}`;

export type Held = Readonly<Record<string, string>>;

export const missingRights = (needed: readonly Right[], held: Held): Right[] =>
  needed.filter(({ permission, level }) => {
    const has = held[permission];
    return has !== level && has !== "write" && has !== "admin";
  });

/** Permissions that are held and not needed, or at a higher level than needed: `contents: write`. */
export const excessRights = (needed: readonly Right[], held: Held): string[] =>
  Object.entries(held)
    .filter(([permission, level]) => {
      // Comes with every repository right, whether it is asked for or not.
      if (permission === "metadata") return false;
      const right = needed.find((one) => one.permission === permission);
      return !right || (right.level === "read" && level !== "read");
    })
    .map(([permission, level]) => `${permission}: ${level}`);

/** What a token needs: fine-grained, and classic. */
export const tokenRights = (
  kind: Target["kind"],
  source: string | null,
  reruns = false,
): { fine: string | null; classic: string } => {
  const runs = reruns || source === "queued-runs";
  if (kind === "enterprise") return { fine: null, classic: "manage_runners:enterprise" };
  const rights = neededRights(kind, source, reruns).filter(({ permission }) => permission !== "metadata");
  // github.md 5: a fine-grained token also needs to read the organisation's Administration for scale sets.
  const more = kind === "organization" ? ["Administration: read"] : [];
  return {
    fine: [...rights.map(words), ...more].map((text) => `"${text}"`).join(" and "),
    classic: kind === "repository" ? "repo" : runs ? "admin:org and repo" : "admin:org",
  };
};
