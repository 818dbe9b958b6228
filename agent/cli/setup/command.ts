/** `muster setup ...`: the words of the command line, and what is printed at the end. */
import { defineCommand } from "citty";
import { visible } from "../../manager/web/visible.ts";
import { CliError } from "../errors.ts";
import { openPulumi } from "../pulumi.ts";
import { realSetupDeps } from "./deps.ts";
import { appId, setup, type SetupOptions, type SetupResult } from "./setup.ts";

const args = {
  stack: { type: "string", description: "which stack is set up", default: "local", alias: "s" },
  url: {
    type: "string",
    description: "https://github.com/OWNER/REPOSITORY or https://github.com/ORGANISATION",
  },
  token: {
    type: "boolean",
    description: "log in with a token, read from standard input or asked for; never an argument",
    default: false,
  },
  "app-id": { type: "string", description: "log in as an App that exists: its id" },
  "key-file": { type: "string", description: "file of that App's private key (PEM); - is standard input" },
  installation: { type: "string", description: "id of that App's installation; found when left out" },
  port: { type: "string", description: "port of the page on 127.0.0.1; any free one when left out" },
  force: { type: "boolean", description: "replace what the stack has without asking", default: false },
  json: { type: "boolean", description: "print the result as one line of JSON", default: false },
} as const;

interface Given {
  stack: string;
  url?: string | undefined;
  token: boolean;
  "app-id"?: string | undefined;
  "key-file"?: string | undefined;
  installation?: string | undefined;
  port?: string | undefined;
  force: boolean;
}

/** @throws CliError */
export const optionsOf = (given: Given): SetupOptions => {
  const { url, token, force } = given;
  const common = { url: url ?? null, force };
  const { "app-id": id, "key-file": keyFile, installation, port } = given;
  const own = id !== undefined || keyFile !== undefined || installation !== undefined;
  if (token && own)
    throw new CliError("--token and --app-id, --key-file, --installation are two ways: give one.");
  if (port !== undefined && (token || own)) throw new CliError("--port is for the page that makes an App.");
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535))
    throw new CliError(`--port is ${visible(port, 40)}; allowed is a number from 1 to 65535.`);
  if (token) return { ...common, way: { kind: "token" } };
  if (!own) return { ...common, way: { kind: "make-app", port: Number(port ?? 0) } };
  if (installation !== undefined && !/^[1-9]\d{0,11}$/.test(installation))
    throw new CliError(`--installation is ${visible(installation, 40)}; allowed is a number.`);
  return {
    ...common,
    way: {
      kind: "own-app",
      id: id === undefined ? null : appId(id),
      keyFile: keyFile ?? null,
      installation: installation === undefined ? null : Number(installation),
    },
  };
};

export const textOf = ({ stack, url, login, warnings, missing, next }: SetupResult): string => {
  const who =
    login.kind === "app"
      ? [
          `login    App ${login.name} (id ${login.id}), installation ${login.installation}`,
          `settings ${login.settings}`,
        ]
      : [
          `login    a token, which ${login.expires === null ? "names no end" : `ends on ${login.expires}`}`,
          `tokens   ${login.page}`,
        ];
  return [
    `stack    ${stack}`,
    `jobs of  ${url}`,
    ...who,
    "tried    it got a registration token, the manager's own first call",
    ...warnings.map((warning) => `note     ${warning}`),
    ...missing.map((wrong) => `missing  ${wrong}`),
    `next     ${next}`,
  ].join("\n");
};

export const setupCommand = defineCommand({
  meta: {
    name: "setup",
    description: "let a stack log in to GitHub: an App made in the browser, or a token",
  },
  args,
  run: async ({ args: given }) => {
    const options = optionsOf(given);
    if (!/^[\w./-]+$/.test(given.stack))
      throw new CliError(`--stack is ${visible(given.stack, 60)}; allowed is a stack's name, such as local.`);
    const stop = new AbortController();
    const onSignal = () => stop.abort();
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, onSignal);
    const deps = realSetupDeps(stop.signal);
    try {
      const result = await setup(options, openPulumi(given.stack), deps);
      console.log(given.json ? JSON.stringify(result) : textOf(result));
    } finally {
      for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, onSignal);
    }
  },
});
