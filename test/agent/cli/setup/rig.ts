/** Setting up against the GitHub simulator: a stack's configuration in memory, a person's answers, a small browser. */
import { onTestFinished } from "vitest";
import type { ConfigValue, Pulumi } from "../../../../agent/cli/pulumi.ts";
import { limits, realSetupDeps, type SetupDeps } from "../../../../agent/cli/setup/deps.ts";
import { setup, type SetupOptions, type SetupResult } from "../../../../agent/cli/setup/setup.ts";
import type { GitHubOptions } from "../../../github/options.ts";
import { start } from "../../../github/testing/start.ts";
import type { GitHubSimulator } from "../../../github/server.ts";

/** What `pulumi config` would hold; `calls` are the writes in order. */
export class Config implements Pulumi {
  readonly stack = "local";
  readonly secrets = new Map<string, string>();
  readonly calls: string[] = [];
  plain: Record<string, unknown> = {};

  async config(): Promise<Record<string, ConfigValue>> {
    const plain = Object.entries(this.plain).map(([key, value]) => [key, { secret: false, value }] as const);
    const secret = [...this.secrets.keys()].map((key) => [key, { secret: true }] as const);
    return structuredClone(Object.fromEntries([...plain, ...secret]));
  }
  async secret(key: string) {
    return this.secrets.get(key) ?? null;
  }
  async setSecret(key: string, value: string) {
    this.calls.push(`secret ${key}`);
    this.secrets.set(key, value);
  }
  async setPlain(values: Readonly<Record<string, string | number | boolean>>) {
    this.calls.push(`set ${Object.keys(values).join(" ")}`);
    for (const [path, value] of Object.entries(values))
      this.#at(path, (holder, key) => (holder[key] = value));
  }
  async remove(keys: readonly string[]) {
    for (const key of keys) {
      this.calls.push(`remove ${key}`);
      this.secrets.delete(key);
      this.#at(key, (holder, last) => delete holder[last]);
    }
  }
  run = () => Promise.reject(new Error("not used"));
  must = () => Promise.reject(new Error("not used"));

  #at(path: string, act: (holder: Record<string, unknown>, key: string) => void) {
    const [top = "", ...inner] = path.split(".");
    const keys = [top, ...inner];
    let holder = this.plain;
    for (const key of keys.slice(0, -1)) holder = (holder[key] ??= {}) as Record<string, unknown>;
    act(holder, keys.at(-1)!);
    const github = this.plain["muster:github"];
    if (github !== undefined && Object.keys(github as object).length === 0)
      delete this.plain["muster:github"];
  }
}

const unescape = (text: string) =>
  text.replace(/&(quot|amp|lt|gt|#39);/g, (_, name: string) => {
    return { quot: '"', amp: "&", lt: "<", gt: ">", "#39": "'" }[name]!;
  });

/** Follows links, forms and redirects, as far as these pages need it; no script. */
export class Browser {
  url = "";
  status = 0;
  html = "";
  headers = new Headers();

  async open(url: string, init: RequestInit = {}): Promise<this> {
    const response = await fetch(url, { ...init, redirect: "manual" });
    const to = response.headers.get("location");
    if (to !== null) {
      await response.arrayBuffer();
      return this.open(new URL(to, url).href);
    }
    Object.assign(this, {
      url,
      status: response.status,
      headers: response.headers,
      html: await response.text(),
    });
    return this;
  }
  reload() {
    return this.open(this.url);
  }
  /** Text without markup. */
  get text(): string {
    const body = this.html.replace(/^[^]*<body>/, "").replace(/<[^>]*>/g, " ");
    return unescape(body).replace(/\s+/g, " ").trim();
  }
  /** Presses the button whose text holds `button`, after filling in `values`. */
  press(button: string, values: Record<string, string> = {}): Promise<this> {
    for (const [, action, inside] of this.html.matchAll(
      /<form method="post" action="([^"]*)">([^]*?)<\/form>/g,
    )) {
      if (!unescape(inside!.replace(/<[^>]*>|\s+/g, " ")).includes(button)) continue;
      const fields = [...inside!.matchAll(/<input\s[^>]*>/g)].map(([input]): [string, string] => {
        const of = (name: string) => unescape(new RegExp(`\\b${name}="([^"]*)"`).exec(input)?.[1] ?? "");
        return [of("name"), of("value")];
      });
      const target = new URL(unescape(action!), this.url);
      return this.open(target.href, {
        method: "POST",
        headers: { origin: new URL(this.url).origin },
        body: new URLSearchParams({ ...Object.fromEntries(fields), ...values }),
      });
    }
    throw new Error(`no form with the button "${button}" at ${this.url}: ${this.text}`);
  }
  link(text: string): string {
    const found = [...this.html.matchAll(/<a\s[^>]*href="([^"]*)"[^>]*>([^<]*)<\/a>/g)];
    const href = found.find(([, , inside]) => inside!.includes(text))?.[1];
    if (href === undefined) throw new Error(`no link "${text}" at ${this.url}: ${this.text}`);
    return unescape(href);
  }
}

export interface SetupRig {
  github: GitHubSimulator;
  config: Config;
  said: string[];
  /** Ctrl-C. */
  stop: AbortController;
  deps: SetupDeps;
  /** Starts it; what it ends with is the test's to await. */
  run(options?: Partial<SetupOptions>): Promise<SetupResult>;
  /** A browser at the page that the latest run opened. */
  page(): Promise<Browser>;
}

const fast = { ...limits, everyMs: 20, lastPageMs: 50, retryFirstMs: 5, callMs: 2_000 };

/**
 * @param answers what a person types, in order; none: there is no terminal, and `stdin` is what is piped in
 */
export const makeRig = async (
  options: GitHubOptions & { answers?: string[]; stdin?: string; limits?: Partial<typeof limits> } = {},
): Promise<SetupRig> => {
  const { answers, stdin = "", limits: more, ...simulated } = options;
  const github = await start(simulated);
  const config = new Config();
  const said: string[] = [];
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const next = async () => answers?.shift() ?? "";
  const deps: SetupDeps = {
    ...realSetupDeps(stop.signal),
    limits: { ...fast, ...more },
    say: (line) => void said.push(line),
    terminal: {
      interactive: answers !== undefined,
      ask: async (question, fallback) => {
        said.push(question);
        return (await next()) || (fallback ?? "");
      },
      yes: async (question) => {
        said.push(question);
        return (await next()) === "yes";
      },
      hidden: next,
      all: async () => stdin,
    },
  };
  return {
    github,
    config,
    said,
    stop,
    deps,
    run: (wanted = {}) => {
      const whole: SetupOptions = {
        url: github.repositoryUrl,
        way: { kind: "make-app", port: 0 },
        force: false,
        ...wanted,
      };
      const running = setup(whole, config, deps);
      running.catch(() => {});
      return running;
    },
    page: async () => {
      const link = () =>
        /http:\/\/127\.0\.0\.1:\d+\/\S+/.exec(said.findLast((line) => line.startsWith("open ")) ?? "");
      for (let tries = 0; !link() && tries < 500; tries += 1) await deps.clock.sleep(10);
      return new Browser().open(link()![0]);
    },
  };
};

/** The person's part of making the App; the browser is at the page that waits for the installation. */
export const create = async (browser: Browser): Promise<Browser> => {
  await browser.press("Continue at GitHub");
  return browser.press("Create GitHub App");
};

/** Installs it in another tab. */
export const install = async (browser: Browser, values: Record<string, string> = {}): Promise<Browser> =>
  (await new Browser().open(browser.link("Install at GitHub"))).press("Install", values);
