/** The last way to an engine: its Go modules, as go.mod and go.sum beside this file pin them. */
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "./lock.ts";
import { engineModule, hostModule, isBelow } from "./pins.ts";
import { lastLine, type Run } from "./run.ts";

export interface BuildDeps {
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
  now: () => number;
  run: Run;
}

const host = { called: "pulumi-language-nodejs", built: "language-host" };
const programs = [
  {
    program: host.built,
    package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    from: hostModule,
  },
  { program: "pulumi", package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", from: engineModule },
];
const progressMs = 5_000;

/**
 * What the engine starts. A host of this version learns by an argument what later ones read in Pulumi.yaml
 * (`typescript: false`); without it, it loads a compiler that no program here needs.
 */
const hostScript = `#!/bin/sh\nexec "\${0%/*}/${host.built}" -typescript=false "$@"\n`;

const elapsed = (ms: number) => {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
};

/** Why Go cannot build the engine here; null when it can. */
export const goProblem = async (deps: BuildDeps): Promise<string | null> => {
  const wanted = isBelow(engineModule.go, hostModule.go) ? hostModule.go : engineModule.go;
  const ran = await deps.run("go", ["env", "GOVERSION"], { env: deps.env, limitMs: 10_000 });
  if (ran.code !== 0) return `no Go on PATH (${wanted} or later is needed)`;
  const version = ran.stdout.trim().replace(/^go/, "");
  return isBelow(version, wanted) ? `Go ${version} on PATH is older than ${wanted}` : null;
};

const buildOne = async (wanted: (typeof programs)[number], output: string, deps: BuildDeps) => {
  const versionVariable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
  const done = { modules: 0, packages: 0 };
  const startMs = deps.now();
  let saidMs = startMs;
  const onLine = (line: string) => {
    if (line.startsWith("go: downloading ")) done.modules++;
    else if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) done.packages++;
    if (deps.now() - saidMs < progressMs) return;
    saidMs = deps.now();
    say();
  };
  const say = () =>
    deps.log(
      `building ${wanted.package.split("/").at(-1)} ${wanted.from.version}: ${done.modules} modules fetched, ` +
        `${done.packages} packages compiled, ${elapsed(deps.now() - startMs)}`,
    );
  // Long silences are normal (one large package, the linker): the line then repeats with the time only.
  const timer = setInterval(() => onLine(""), progressMs);
  const flags = ["-v", "-trimpath", "-tags", "osusergo,grpcnotrace"];
  const link = `-s -w -X ${versionVariable}=v${wanted.from.version}`;
  try {
    const ran = await deps.run("go", ["build", ...flags, "-ldflags", link, "-o", output, wanted.package], {
      cwd: wanted.from.module,
      env: {
        ...deps.env,
        CGO_ENABLED: "0",
        GOFLAGS: "-mod=readonly -buildvcs=false",
        GOTOOLCHAIN: "local",
        GOWORK: "off",
      },
      onLine,
    });
    if (ran.code !== 0) throw new Error(`go build of ${wanted.package.split("/").at(-1)}: ${lastLine(ran)}`);
    say();
  } finally {
    clearInterval(timer);
  }
};

/**
 * Builds both programs into `directory`, which appears only when complete. Four to six minutes the first time on two
 * cores, about ten seconds with warm Go caches. Only one process builds; the others wait for its result.
 * @param finished whether `directory` holds a usable engine by now
 * @throws Error with the last line of what Go said
 */
export const buildEngine = async (
  directory: string,
  finished: () => Promise<boolean>,
  deps: BuildDeps,
): Promise<void> => {
  const cache = join(directory, "..");
  await mkdir(cache, { recursive: true });
  const startMs = deps.now();
  const build = async () => {
    if (await finished()) return;
    deps.log("building the Pulumi engine from its Go modules: about 5 minutes, once for this computer");
    // Only one builds at a time: what is here already was left by a build that was killed.
    const dead = (await readdir(cache)).filter((name) => name.startsWith(".build-"));
    for (const name of dead) await rm(join(cache, name), { recursive: true, force: true });
    const work = await mkdtemp(join(cache, ".build-"));
    try {
      for (const wanted of programs) await buildOne(wanted, join(work, wanted.program), deps);
      await writeFile(join(work, host.called), hostScript, { mode: 0o755 });
      await chmod(work, 0o755);
      await rm(directory, { recursive: true, force: true });
      await rename(work, directory);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  };
  let saidMs = 0;
  const waiting = () => {
    if (deps.now() - saidMs < progressMs) return;
    saidMs = deps.now();
    deps.log(`waiting for another process that builds the Pulumi engine: ${elapsed(deps.now() - startMs)}`);
  };
  await withLock(directory, build, waiting);
};
