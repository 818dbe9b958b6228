/** The stack's identity as the program makes it, with real keys and certificates: what one `up` made the next one keeps. */
import * as pulumi from "@pulumi/pulumi";
import type { MockResourceArgs } from "@pulumi/pulumi/runtime/index.js";
import { Identity } from "../../infra/aws/identity.ts";
import { issue, makeKey, request, selfSign } from "../engine/standin/tls/certificates.ts";
import type { Call } from "../engine/standin/kind.ts";
import { revealAll, type Props } from "../engine/standin/values.ts";

export interface StackIdentity {
  /** What user data pins. */
  ca: string;
  /** What the manager presents. */
  certificate: string;
  /** Of that. */
  key: string;
  /** Secret of ManagerSecrets -> PEM. */
  secrets: Record<string, string>;
}

const makers: Record<string, (call: Call) => Promise<Props>> = {
  "tls:index/privateKey:PrivateKey": makeKey,
  "tls:index/selfSignedCert:SelfSignedCert": selfSign,
  "tls:index/certRequest:CertRequest": request,
  "tls:index/locallySignedCert:LocallySignedCert": issue,
};

/** @returns what an `up` with these generations makes, for 127.0.0.1; one call at a time */
export const makeStackIdentity = (): ((generations: readonly number[]) => Promise<StackIdentity>) => {
  const kept = new Map<string, Props>();
  const stateOf = async ({ type, name, inputs }: MockResourceArgs): Promise<Props> => {
    const call: Call = {
      op: "create",
      type,
      name,
      id: "",
      inputs: revealAll(inputs),
      olds: {},
      log: () => {},
    };
    const state = kept.get(name) ?? { ...inputs, ...(await makers[type]?.(call)) };
    kept.set(name, state);
    return state;
  };
  return async (generations) => {
    await pulumi.runtime.setMocks({
      newResource: async (args) => ({ id: `${args.name}-id`, state: await stateOf(args) }),
      call: ({ inputs }) => inputs as Props,
    });
    const made = await new Promise<Omit<StackIdentity, "key">>((resolve) => {
      const stack = { project: "muster", name: "dev" };
      const { ca, certificate, keys } = new Identity("i", { stack, addresses: ["127.0.0.1"], generations });
      const values = Object.entries(keys).map(([secret, { value }]) => value.apply((pem) => [secret, pem]));
      pulumi
        .all([ca, certificate, pulumi.all(values)])
        .apply(([pinned, presented, secrets]) =>
          resolve({ ca: pinned, certificate: presented, secrets: Object.fromEntries(secrets) }),
        );
    });
    await pulumi.runtime.disconnect();
    return { ...made, key: made.secrets["certificateKey"]! };
  };
};
