/** The built archive, unpacked into a folder of its own, and its listener as a process. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildRunnerArchive } from "./archive.ts";

export interface Running {
  child: ChildProcess;
  /** stdout and stderr together. */
  output: () => string;
  /** Exit code; null when a signal ended it. */
  ended: Promise<number | null>;
}

export class Installed {
  readonly root: string;
  private readonly parent: string;
  private readonly children: ChildProcess[] = [];

  private constructor(parent: string, root: string) {
    this.parent = parent;
    this.root = root;
  }

  static async make(): Promise<Installed> {
    const parent = mkdtempSync(join(tmpdir(), "muster-runner-test-"));
    const archive = await buildRunnerArchive({ directory: join(parent, "archive") });
    const root = join(parent, "runner");
    execFileSync("mkdir", [root]);
    execFileSync("tar", ["-xzf", archive.path, "-C", root]);
    return new Installed(parent, root);
  }

  /** `program` is relative to the root. Nothing of this process's environment is passed on but PATH. */
  start(program: string, args: readonly string[], env: Record<string, string> = {}): Running {
    const child = spawn(join(this.root, program), args, {
      cwd: this.root,
      env: { PATH: process.env["PATH"] ?? "", HOME: this.root, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.children.push(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream!.setEncoding("utf8").on("data", (text: string) => (output += text));
    }
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    return { child, output: () => output, ended };
  }

  remove(): void {
    for (const child of this.children) child.kill("SIGKILL");
    rmSync(this.parent, { recursive: true, force: true, maxRetries: 5 });
  }
}
