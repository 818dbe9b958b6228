/**
 * What root's units do with an agent's orders, without root: takes an order, runs the Listener that its JIT config describes
 * (fake-runner.ts), leaves what it printed and how it ended, and stops it when it is asked to.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export class FakeUnit {
  readonly orders: string;
  readonly results: string;
  /** Texts of the orders that were taken. */
  readonly taken: string[] = [];
  /** Whether orders are taken. */
  works = true;
  /** What the second line of `exit` says: why the place is not clean. */
  unclean: string | null = null;
  /** The first command fails: the Listener is never started. */
  fails = false;
  #child: ChildProcess | null = null;
  readonly #timer: NodeJS.Timeout;

  constructor(folder: string) {
    this.orders = join(folder, "orders");
    this.results = join(folder, "results");
    for (const path of [this.orders, this.results]) mkdirSync(path, { recursive: true });
    this.#timer = setInterval(() => this.#look(), 5);
  }

  get running(): boolean {
    return this.#child !== null;
  }
  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }
  close(): void {
    clearInterval(this.#timer);
    this.kill("SIGKILL");
  }

  #look(): void {
    const [order, stop] = [join(this.orders, "job.env"), join(this.orders, "job.stop")];
    if (existsSync(stop)) {
      rmSync(stop);
      this.kill("SIGINT");
    }
    if (!this.works || this.#child || !existsSync(order)) return;
    const text = readFileSync(order, "utf8");
    rmSync(order);
    this.taken.push(text);
    const of = (key: string) => new RegExp(`^${key}=(.*)$`, "m").exec(text)![1]!;
    const at = (name: string) => join(this.results, name);
    rmSync(at("out"), { force: true });
    const out = openSync(at("out"), "a");
    this.#put(at("taken"), `${of("MUSTER_ORDER")}\n`);
    const exit = (said: string) => {
      this.#child = null;
      this.#put(at("exit"), `${of("MUSTER_ORDER")} ${said}\n${this.unclean ?? ""}\n`);
    };
    if (this.fails) return exit("- - exit-code");
    const script = Buffer.from(of("ACTIONS_RUNNER_INPUT_JITCONFIG"), "base64").toString();
    const child = spawn("sh", ["-c", script], { stdio: ["ignore", out, out] });
    this.#child = child;
    closeSync(out);
    child.once("exit", (code, signal) =>
      exit(signal === null ? `exited ${code} success` : `killed ${signal.slice(3)} signal`),
    );
  }

  #put(file: string, text: string): void {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }
}
