/** What firewalls want to know of an URL; pure. */

/** TCP. */
export const portOf = (url: string): number => {
  const { port, protocol } = new URL(url);
  return port ? Number(port) : protocol === "http:" ? 80 : 443;
};

/** `HOST:PORT` of a GitHub Enterprise Server, which may have a private address; of github.com nothing. */
export const ownServer = (github: string): string[] => {
  const { hostname } = new URL(github);
  return hostname === "github.com" || hostname.endsWith(".ghe.com") ? [] : [`${hostname}:${portOf(github)}`];
};

/** `HOST:PORT` of a machine's metadata: its credentials among them, where it has an instance profile. */
export const metadataServer = "169.254.169.254:80";
