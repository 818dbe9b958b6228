/** The policies of the house as a CrossGuard pack: what a preview or an update asks before it makes anything. */
import { PolicyPack } from "@pulumi/policy";
import { policies } from "../index.ts";
import { outputsOpen, secretsMarked } from "../secrets.ts";
import { packed, watchingSecrets } from "./wrap.ts";

const wrapped = policies
  // The engine tells no pack which of the stack's outputs are secret: this one is for previews and the state.
  .filter((policy) => policy !== outputsOpen)
  .map((policy) => (policy === secretsMarked ? watchingSecrets(policy) : packed(policy)));

new PolicyPack("muster", {
  description: "What muster promises of its resources",
  enforcementLevel: "mandatory",
  policies: wrapped,
});
