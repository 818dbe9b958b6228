/** What daemon, agents and runners inherit of the environment and of open files. */
import { closeSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";

/**
 * The named allow list of what daemon, agents and runners inherit; everything else of the environment stays behind.
 * Nothing here is a secret: a process's environment is readable in /proc for as long as it lives.
 */
export const inherited = [
  "PATH",
  "USER",
  "LOGNAME",
  "LANG",
  "LC_ALL",
  "TZ",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
] as const;

/** No proxy is asked for what is on this computer. */
const direct = ["127.0.0.1", "localhost", "::1"];

/** The environment with which a Node program follows the proxies that it names; without any it stays as it is. */
export const followingProxies = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  if (!Object.entries(env).some(([name, value]) => /^https?_proxy$/i.test(name) && value)) return env;
  const except = [env["no_proxy"] ?? env["NO_PROXY"] ?? "", ...direct].filter(Boolean).join(",");
  // fetch() follows these variables only when told to.
  return { ...env, no_proxy: except, NO_PROXY: except, NODE_USE_ENV_PROXY: "1" };
};

/** fcntl.h, as /proc/PID/fdinfo tells it. */
const closeOnExec = 0o2000000;

const isPassedOn = (descriptor: number, ofNode: string | null): boolean => {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"));
    const passedOn = flags !== null && (parseInt(flags[1]!, 8) & closeOnExec) === 0;
    return passedOn && readlinkSync(`/proc/self/fd/${descriptor}`) !== ofNode;
  } catch {
    return false; // the one by which the list was read, or closed meanwhile
  }
};

/**
 * The one file that Node opens without closing it at exec: a thread of its own reads these certificates while a program
 * begins. Closed under it, its number would be given to another file, which that thread would then close.
 */
const certificates = (env: NodeJS.ProcessEnv): string | null => {
  const path = env["NODE_EXTRA_CA_CERTS"] || null;
  try {
    return path !== null && statSync(path).isFile() ? realpathSync(path) : null;
  } catch {
    return null;
  }
};

/**
 * Closes what this process was started with besides its three streams. Node keeps the first 17 descriptors from its
 * children, later ones only as far as no number is missing: an editor's terminal, or `exec 63<FOLDER` in a shell, would
 * reach every job, and an open folder leads out of any confinement. What Node opens itself is closed at exec, but for
 * {@link certificates}.
 */
export function closeInheritedFiles(): void {
  const descriptors = readdirSync("/proc/self/fd").map(Number);
  const ofNode = certificates(process.env);
  for (const descriptor of descriptors)
    if (descriptor > 2 && isPassedOn(descriptor, ofNode)) closeSync(descriptor);
}
