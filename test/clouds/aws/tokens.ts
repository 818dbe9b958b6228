/** Client tokens: the same call again has the same answer and no other effect. */
import { Ec2Error, valueOf, type Answer, type Call } from "./query.ts";

export interface Tokens {
  /** `run`, unless the region knows the call's token. @throws Ec2Error `IdempotentParameterMismatch` when it was another call */
  remembered(call: Call, run: () => Promise<Answer>): Promise<Answer>;
  clear(): void;
}

export function makeTokens(): Tokens {
  const known = new Map<string, { form: string; answer: Promise<Answer> }>();
  return {
    remembered: (call, run) => {
      const token = valueOf(call, "ClientToken");
      if (token === undefined) return run();
      if (token.length > 64 || !/^[\x20-\x7e]*$/.test(token))
        throw new Ec2Error(
          "InvalidParameterValue",
          `The client token ${token} is longer than 64 ASCII characters`,
        );
      const key = JSON.stringify([call.region, call.action, token]);
      const form = JSON.stringify([...call.form].map((pair) => [...pair]).sort());
      const before = known.get(key);
      if (before && before.form !== form)
        throw new Ec2Error(
          "IdempotentParameterMismatch",
          `Arguments on this idempotent request are inconsistent with arguments used in previous request(s) with ${token}.`,
        );
      if (before) return before.answer;
      const answer = run();
      known.set(key, { form, answer });
      // What was refused made nothing: the same token may come again.
      answer.catch(() => known.delete(key));
      return answer;
    },
    clear: () => known.clear(),
  };
}
