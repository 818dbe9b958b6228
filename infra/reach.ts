/** How the machines of a backend reach the manager: one table, manager's place x backend. What is not in it is refused. */
export const managerPlaces = ["local", "aws"] as const;
export type ManagerPlace = (typeof managerPlaces)[number];
export const backendKinds = ["local", "aws"] as const;
export type BackendKind = (typeof backendKinds)[number];

export interface Way {
  /** `socket`: this computer's alone. `private`: the manager's network and those peered with it. `public`: the internet. */
  path: "socket" | "private" | "public";
  /** What tells the manager who calls. */
  identity: string;
  /** What lets the call through. */
  rule: string;
}

type Table = Readonly<Record<ManagerPlace, Readonly<Record<BackendKind, Way | { refused: string }>>>>;

export const ways: Table = {
  local: {
    local: { path: "socket", identity: "a one-time token", rule: "none: a socket in a folder of one user" },
    aws: {
      refused:
        "machines at AWS cannot call a manager on this computer; let the manager run there: " +
        "muster:manager = { on: aws }, or use the backend local",
    },
  },
  aws: {
    local: {
      refused:
        "this computer cannot call a manager at AWS; give it a stack of its own (npm start), or use the backend aws",
    },
    aws: {
      path: "private",
      identity: "the signed identity document of a machine that the manager launched, from its own address",
      rule: "the agents' port, from runners' security group and from peered regions' networks",
    },
  },
};

/** Public as soon as one backend needs it; the socket of this computer is private. */
export const reachOf = (place: ManagerPlace, kinds: Iterable<BackendKind>, table: Table = ways) =>
  [...kinds].some((kind) => {
    const way = table[place][kind];
    return "path" in way && way.path === "public";
  })
    ? "public"
    : "private";
