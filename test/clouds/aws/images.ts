/** `resolve:ssm:PARAMETER` as the name of an image: EC2 looks the parameter up at each launch. */
import { createHash } from "node:crypto";
import { Ec2Error } from "./query.ts";
import type { Upstream } from "./upstream.ts";

/** Parameters that AWS, and Canonical through it, keep in every account: Ubuntu 24.04 and the deep-learning images made of it. */
const published =
  /^\/aws\/service\/(canonical\/ubuntu\/server\/24\.04\/stable\/current\/(arm64|amd64)\/hvm\/ebs-gp3|deeplearning\/ami\/(arm64|x86_64)\/base-oss-nvidia-driver-gpu-ubuntu-24\.04\/latest)\/ami-id$/;

export interface Images {
  /** @throws Ec2Error `SsmInvalidParameter` as EC2, for a parameter that names no image */
  resolve(region: string, imageId: string): Promise<string>;
  /** From now on; null: EC2 knows no such parameter. */
  set(parameter: string, imageId: string | null): void;
  clear(): void;
}

export function makeImages(upstream: Pick<Upstream, "parameter">): Images {
  const known = new Map<string, string | null>();
  const named = async (region: string, parameter: string): Promise<string> => {
    const set = known.get(parameter);
    if (typeof set === "string") return set;
    const refused = (why: string) => new Ec2Error("SsmInvalidParameter", `The parameter ${parameter} ${why}`);
    if (set === null) throw refused("does not exist");
    if (published.test(parameter))
      return `ami-${createHash("sha256").update(`${region} ${parameter}`).digest("hex").slice(0, 17)}`;
    const found = await upstream.parameter(region, parameter);
    if (found === null) throw refused("does not exist");
    if (!/^ami-[0-9a-f]+$/.test(found.value)) throw refused("does not hold the ID of an image");
    return found.value;
  };
  return {
    resolve: async (region, imageId) =>
      imageId.startsWith("resolve:ssm:") ? named(region, imageId.slice("resolve:ssm:".length)) : imageId,
    set: (parameter, imageId) => void known.set(parameter, imageId),
    clear: () => known.clear(),
  };
}
