/**
 * User data of runner machines: constant, secret-free, the same bytes for the same arguments. Plain text and not gzip,
 * whose bytes need not be the same on the next computer: every template would get a new version from there.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** How a machine ends (only user data of elastic cloud machines may say power-off). */
export type MachineEnd = "power-off" | "clean-slot";

export interface RunnerUserData {
  /** `https://ADDRESS:PORT`, tried in turn. */
  managers: readonly string[];
  /** PEM, one certificate or more (two while the CA is exchanged): nobody else is believed to be the manager. */
  ca: string;
  /** Name of the pool. */
  pool: string;
  end: MachineEnd;
  /** On the way to everything but the managers; jobs may use it although it is private. */
  proxy?: { url: string; noProxy: readonly string[] } | null;
  /** PEM; what the machine trusts besides, for a proxy or a GitHub Enterprise Server. */
  extraCa?: string | null;
  /** `HOST:PORT` (a name or an IPv4) that jobs may reach although it is private, such as a GitHub Enterprise Server. */
  reach?: readonly string[];
}

/** EC2's limit before base64, in bytes. */
export const userDataBytesMax = 16 * 1024;

/** Comments, descriptions and indentation are for whoever reads the sources. */
const lean = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^#(?!!)|^Description=/.test(line))
    .map((line) => `${line}\n`)
    .join("");
const part = (name: string) => lean(readFileSync(join(import.meta.dirname, "runner", name), "utf8"));

/** @throws RangeError for what would end the quotes or the line */
const quoted = (what: string, text: string) => {
  if (/['\\\u0000-\u001f\u007f]/.test(text))
    throw new RangeError(`${what}: ${JSON.stringify(text)} has a quote, backslash or control character`);
  return `'${text}'`;
};

/** @throws RangeError for what is no address of a manager */
const hostOf = (manager: string) => {
  if (!/^https:\/\/[\w.[\]:-]+:\d{1,5}$/.test(manager))
    throw new RangeError(`managers: ${JSON.stringify(manager)} is not https://ADDRESS:PORT`);
  return manager.slice("https://".length, manager.lastIndexOf(":")).replace(/[[\]]/g, "");
};

const certificates = (what: string, pem: string): string[] => {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[\w+/=\s]+-----END CERTIFICATE-----/g);
  if (!found) throw new RangeError(`${what}: holds no PEM certificate`);
  return found.map((certificate) => `${certificate.trim()}\n`);
};

const proxyVariables = ({ url, noProxy }: NonNullable<RunnerUserData["proxy"]>, hosts: readonly string[]) => {
  const none = [...new Set(["localhost", "127.0.0.1", "169.254.169.254", ...hosts, ...noProxy])].join(",");
  return Object.entries({ http_proxy: url, https_proxy: url, no_proxy: none })
    .flatMap(([name, value]) => [name, name.toUpperCase()].map((key) => `${key}=${quoted("proxy", value)}\n`))
    .join("");
};

/** `HOST:PORT` of the proxy. */
const proxyPlace = (url: string) => {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
};

/** Files of the machine: path -> text. */
const filesOf = (data: RunnerUserData, hosts: readonly string[]): Record<string, string> => {
  const { managers, pool, end, proxy, extraCa } = data;
  const unit = (name: string) => [`/etc/systemd/system/${name}`, part(`units/${name}`)] as const;
  const units = [
    ...["muster-agent.service", "muster-job.path", "muster-job.service"],
    ...["muster-job-stop.path", "muster-job-stop.service"],
  ].map(unit);
  const powerOff: (readonly [string, string])[] = [
    unit("muster-power-off.path"),
    unit("muster-power-off.service"),
    ["/etc/systemd/system/muster-agent.service.d/end.conf", part("units/muster-agent.service.d.conf")],
    ["/opt/muster/bin/poweroff", part("poweroff.sh")],
  ];
  const launch = {
    managers,
    // Known to the machine alone; it proves itself by its cloud's signed document instead of a token.
    machine: "@MACHINE@",
    token: "",
    pool,
    ca: "/etc/muster/ca.pem",
    document: "/run/muster/identity",
    directory: "/var/lib/muster",
    archives: "/opt/muster/runners",
    end,
    units: { orders: "/run/muster", results: "/run/muster-job" },
  };
  return Object.fromEntries([
    ["/etc/muster/ca.pem", certificates("ca", data.ca).join("")],
    ["/etc/muster/launch.json.in", `${JSON.stringify(launch)}\n`],
    ["/etc/muster/guard.nft", part("guard.nft")],
    ["/opt/muster/place", part("place.sh")],
    ...units,
    ...(end === "power-off" ? powerOff : [["/opt/muster/clean", part("clean.sh")] as const]),
    ...(proxy ? [["/etc/muster/proxy.env", proxyVariables(proxy, hosts)]] : []),
    ...(extraCa
      ? certificates("extraCa", extraCa).map((pem, n) => [
          `/usr/local/share/ca-certificates/muster-${n + 1}.crt`,
          pem,
        ])
      : []),
  ]);
};

const split = (path: string) => [path.slice(0, path.lastIndexOf("/")), path.slice(path.lastIndexOf("/") + 1)];

/** By folder, whose name stands there once: there is little room. */
const writing = (files: Record<string, string>) => {
  const folders = [...new Set(Object.keys(files).map((path) => split(path)[0]!))];
  const inside = (folder: string) =>
    Object.entries(files).flatMap(([path, text]) => {
      const [where, name] = split(path);
      return where === folder ? [`cat >${name} <<'~'\n${text}~`] : [];
    });
  return [
    "files() (\nset -e",
    `mkdir -p ${folders.join(" ")}`,
    ...folders.flatMap((folder) => [`cd ${folder}`, ...inside(folder)]),
    ")\n",
  ].join("\n");
};

/**
 * The document; EC2 wants it as base64.
 *
 * @throws RangeError when a value cannot stand in it, or when it has more than {@link userDataBytesMax} bytes
 */
export function runnerUserData(data: RunnerUserData): string {
  const text = render(data);
  const bytes = Buffer.byteLength(text);
  if (bytes > userDataBytesMax)
    throw new RangeError(
      `the user data of pool ${data.pool} has ${bytes} bytes, more than the ${userDataBytesMax} of EC2; ` +
        "certificates in extraCa take the most room",
    );
  return text;
}

const render = (data: RunnerUserData): string => {
  const hosts = data.managers.map(hostOf);
  const reach = [...(data.proxy ? [proxyPlace(data.proxy.url)] : []), ...(data.reach ?? [])];
  for (const place of reach)
    if (!/^[\w.-]+:\d{1,5}$/.test(place))
      throw new RangeError(`reach: ${JSON.stringify(place)} is not HOST:PORT with a name or an IPv4 address`);
  if (!/^[\w.-]+$/.test(data.pool))
    throw new RangeError(`pool: ${JSON.stringify(data.pool)} cannot stand in an address`);
  return [
    "#cloud-boothook\n#!/bin/sh\n",
    `managers='${data.managers.join(" ")}'\nhosts='${hosts.join(" ")}'\nreach='${reach.join(" ")}'\n`,
    `pool='${data.pool}'\n`,
    writing(filesOf(data, hosts)),
    part(`${data.end}.sh`),
    data.extraCa ? part("trust.sh") : "trust() { :; }\n",
    part("boot.sh"),
  ].join("");
};

/** What is not known before the first `up`. */
export type Unknown = "managers" | "ca";

/** Longest PEM of one certificate of the stack's CA (P-256, with the names of the stack), in bytes. */
export const caBytesMax = 1024;

/**
 * Bytes of the document when what is not known yet takes the most room that it can: for settings, which must refuse a
 * document over {@link userDataBytesMax} before anything is made.
 *
 * @param managers addresses that the certificate will have
 * @throws RangeError when a value cannot stand in the document
 */
export function runnerUserDataBytesMax(data: Omit<RunnerUserData, Unknown>, managers = 2): number {
  const frame = "-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n".length;
  const ca = `-----BEGIN CERTIFICATE-----\n${"A".repeat(caBytesMax - frame)}\n-----END CERTIFICATE-----\n`;
  const address = "https://255.255.255.255:65535";
  // Two while the CA is exchanged.
  return Buffer.byteLength(render({ ...data, managers: Array<string>(managers).fill(address), ca: ca + ca }));
}
