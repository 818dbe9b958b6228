/**
 * How far away a host is: the time until TCP and, for https, TLS stand. No request is sent, so nothing is asked of the
 * host's rate limits, and no credential leaves. The name's lookup is not counted: it is the resolver's, and kept by it.
 * Used by the manager, by machines and by `muster doctor`.
 */
import type { Socket } from "node:net";

/** The network to GitHub should have less than 100 ms; what takes longer is shown with a warning. */
export const connectMsMax = 100;

export interface ConnectTime {
  /** As in the URL: `api.github.com`, with its port where it is not the scheme's own. */
  host: string;
  /** Milliseconds, to a tenth; null when no connection came about. */
  ms: number | null;
  /** `HOST:PORT` of the proxy that the time is to, where the way leads through one; null on a direct way. */
  proxy: string | null;
  /** Why there is no time, in words for people; null when there is one. */
  problem: string | null;
}

export interface ConnectOptions {
  /** For each host; default 5 s. */
  timeoutMs?: number;
  signal?: AbortSignal;
}
export interface ConnectDeps {
  clock: { now(): number; after(ms: number, callback: () => void): () => void };
  /** Where proxies are named. Node's fetch and http follow them only with NODE_USE_ENV_PROXY=1, and so does this. */
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * One measurement for each distinct host of the URLs, in their order, all at once. Never rejects: what goes wrong is in
 * `problem`.
 *
 * @param urls `https:` (until TLS stands, certificate checked) or `http:` (until TCP stands); only their hosts matter
 */
export async function connectTimes(
  urls: readonly string[],
  options: ConnectOptions,
  deps: ConnectDeps,
): Promise<ConnectTime[]> {
  const distinct = new Map(urls.map((url) => [URL.canParse(url) ? new URL(url).origin : url, url]));
  return Promise.all([...distinct.values()].map((url) => connectTime(url, options, deps)));
}

/** {@link connectTimes} for one URL. */
export async function connectTime(
  url: string,
  options: ConnectOptions,
  deps: ConnectDeps,
): Promise<ConnectTime> {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    return { host: url.slice(0, 200), ms: null, proxy: null, problem: "this is no http or https address" };
  const host = parsed.host;
  const named = proxyOf(parsed, deps.env);
  if (named !== null && !URL.canParse(named))
    return { host, ms: null, proxy: null, problem: "the proxy in the environment is not an address" };
  const through = named === null ? null : new URL(named);
  const proxy = through === null ? null : `${through.hostname}:${portOf(through)}`;
  try {
    return { host, ms: await connect(through ?? parsed, options, deps), proxy, problem: null };
  } catch (error) {
    return { host, ms: null, proxy, problem: wordsOf(error as NodeJS.ErrnoException) };
  }
}

/** For pages, logs and the doctor: `api.github.com 23 ms`, with a warning beyond {@link connectMsMax}. */
export function connectSentence({ host, ms, proxy, problem }: ConnectTime): string {
  const way = proxy === null ? "" : ` (to the proxy ${proxy}; what lies behind it is not measured)`;
  if (ms === null) return `${host}${way}: no connection: ${problem}`;
  const late = ms > connectMsMax ? `, more than the ${connectMsMax} ms that jobs' steps and logs want` : "";
  // Never the limit itself with the words that it is more.
  const whole = ms > connectMsMax ? Math.max(Math.round(ms), connectMsMax + 1) : Math.round(ms);
  return `${host} ${whole} ms${way}${late}`;
}

async function connect(to: URL, { timeoutMs = 5_000, signal }: ConnectOptions, { clock }: ConnectDeps) {
  const secure = to.protocol === "https:";
  const host = to.hostname.replace(/^\[|\]$/g, "");
  // Loaded when first needed: an agent's start shall not wait for it.
  const net = await import("node:net");
  const tls = secure ? await import("node:tls") : null;
  signal?.throwIfAborted();
  const servername = net.isIP(host) === 0 ? { servername: host } : {};
  return new Promise<number>((resolve, reject) => {
    let startMs = clock.now();
    const socket: Socket = tls
      ? tls.connect({ host, port: portOf(to), ...servername })
      : net.connect({ host, port: portOf(to) });
    const over = (act: () => void) => {
      cancel();
      signal?.removeEventListener("abort", stopped);
      socket.destroy();
      act();
    };
    const stopped = () => over(() => reject(signal!.reason as Error));
    const late = () => over(() => reject(new Error(`no connection within ${timeoutMs / 1_000} s`)));
    const cancel = clock.after(timeoutMs, late);
    signal?.addEventListener("abort", stopped, { once: true });
    socket.once("lookup", () => (startMs = clock.now()));
    socket.once(secure ? "secureConnect" : "connect", () => {
      const ms = Math.max(0, Math.round((clock.now() - startMs) * 10) / 10);
      over(() => resolve(ms));
    });
    // Stays: a destroyed socket may still have an error to tell.
    socket.on("error", (error) => over(() => reject(error)));
  });
}

const portOf = (url: URL): number => Number(url.port) || (url.protocol === "https:" ? 443 : 80);

/** Short and without addresses of this computer; an attempt at several addresses fails with all their errors in one. */
function wordsOf(error: NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] }): string {
  const first = error.errors?.[0] ?? error;
  const words: Record<string, string> = {
    ENOTFOUND: "the name is not known here",
    EAI_AGAIN: "the name cannot be looked up now",
    ECONNREFUSED: "the connection was refused",
    ECONNRESET: "the connection was broken off",
    EHOSTUNREACH: "there is no way to this host",
    ENETUNREACH: "there is no way to this network",
  };
  return words[first.code ?? ""] ?? first.message.slice(0, 200);
}

/** The proxy's address as the environment has it; null where the way is direct. As Node itself chooses it. */
function proxyOf(url: URL, env: ConnectDeps["env"]): string | null {
  if (env["NODE_USE_ENV_PROXY"] !== "1") return null;
  const scheme = url.protocol.slice(0, -1);
  const named = env[`${scheme}_proxy`] || env[`${scheme.toUpperCase()}_PROXY`];
  if (!named || isExcepted(url, env["no_proxy"] || env["NO_PROXY"] || "")) return null;
  return named;
}

/** `*`, `host`, `host:port`, `.suffix` and `*.suffix`; ranges of addresses are not used for GitHub's names. */
function isExcepted(url: URL, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      const suffix = entry.startsWith("*.") ? entry.slice(1) : entry;
      return (
        entry === "*" ||
        entry === url.hostname ||
        entry === `${url.hostname}:${portOf(url)}` ||
        (suffix.startsWith(".") && url.hostname.endsWith(suffix))
      );
    });
}
