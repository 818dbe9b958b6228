/** JIT configs: a runner's whole identity in one string. */
import { generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { Sim } from "./sim.ts";
import { scopeName, type Runner } from "./state.ts";

const generate = promisify(generateKeyPair);

export const brokerPath = "/_services/broker/";
export const tokenPath = "/_services/oauth2/token";

export const makeKeys = (bits: number) => generate("rsa", { modulusLength: bits });

/** Base64url (JWK) to the base64 of .NET's RSAParameters. */
const base64 = (value: string | undefined) => Buffer.from(value ?? "", "base64url").toString("base64");

function rsaParameters(key: KeyObject) {
  const jwk = key.export({ format: "jwk" });
  return {
    d: base64(jwk.d),
    dp: base64(jwk.dp),
    dq: base64(jwk.dq),
    exponent: base64(jwk.e),
    inverseQ: base64(jwk.qi),
    modulus: base64(jwk.n),
    p: base64(jwk.p),
    q: base64(jwk.q),
  };
}

/**
 * Base64 of a JSON map of file name -> base64 content, with the three files of wire.ts. The private key leaves the
 * simulator here and is kept nowhere.
 */
export function encodeJitConfig(sim: Sim, runner: Runner, key: KeyObject, workFolder: string): string {
  const rsa = rsaParameters(key);
  const files = {
    ".runner": {
      AgentId: runner.id,
      AgentName: runner.name,
      DisableUpdate: runner.set?.disableUpdate ?? true,
      Ephemeral: true,
      GitHubUrl: `${sim.origin}/${scopeName(runner.scope)}`,
      PoolId: 1,
      PoolName: "Default",
      ServerUrl: `${sim.origin}/_services/pipelines/`,
      ServerUrlV2: `${sim.origin}${brokerPath}`,
      UseV2Flow: true,
      WorkFolder: workFolder,
    },
    ".credentials": {
      Scheme: "OAuth",
      Data: {
        clientId: runner.clientId,
        authorizationUrl: `${sim.origin}${tokenPath}`,
        requireFipsCryptography: "False",
      },
    },
    ".credentials_rsaparams": rsa,
  };
  const encoded = Object.entries(files).map(([name, content]) => [
    name,
    Buffer.from(JSON.stringify(content)).toString("base64"),
  ]);
  const config = Buffer.from(JSON.stringify(Object.fromEntries(encoded))).toString("base64");
  sim.tokens.remember("jit-config", config, config.slice(-120));
  sim.tokens.remember("runner-key", rsa.d, rsa.d);
  return config;
}
