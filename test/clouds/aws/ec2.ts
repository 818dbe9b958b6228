/** EC2's actions: what each call goes through before moto has it, and who answers it. */
import type { Capacity } from "./capacity.ts";
import type { Faults } from "./faults.ts";
import { createFleet, type FleetWorld } from "./fleet.ts";
import type { Images } from "./images.ts";
import type { Instances } from "./instances.ts";
import { asAnswer, below, Ec2Error, valueOf, type Answer, type Call } from "./query.ts";
import { runInstances } from "./run.ts";
import type { Tokens } from "./tokens.ts";
import type { Upstream } from "./upstream.ts";

export interface Parts {
  upstream: Upstream;
  capacity: Capacity;
  faults: Faults;
  tokens: Tokens;
  images: Images;
  instances: Instances;
  instanceProfiles: boolean;
  /** A new one each time. */
  id: () => string;
}

/** Actions that make something: each checks, and returns what does it. */
const launching: Readonly<Record<string, (call: Call, world: FleetWorld) => Promise<() => Promise<Answer>>>> =
  {
    CreateFleet: createFleet,
    RunInstances: runInstances,
  };

/** @returns the answer; null: it was done and its answer gets lost */
export function makeEc2(parts: Parts): (call: Call) => Promise<Answer | null> {
  const { upstream, capacity, faults, tokens, images, instances, instanceProfiles, id } = parts;
  const { authorize } = faults;
  const { launched } = instances;
  const world: FleetWorld = { upstream, capacity, images, instanceProfiles, authorize, launched, id };

  const launch = async (call: Call): Promise<Answer> => {
    // Tags in the call are a right of their own.
    if (below(call.form, "TagSpecification").length > 0) authorize("CreateTags", call.region);
    const ready = launching[call.action]!;
    if (valueOf(call, "DryRun") !== "true")
      return tokens.remembered(call, async () => (await ready(call, world))());
    await ready(call, world);
    throw new Ec2Error("DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
  };
  const answer = async (call: Call): Promise<Answer> => {
    try {
      await faults.admit(call);
      if (call.action in launching) return await launch(call);
      const own = instances.actions[call.action];
      return own ? await own(call) : await upstream.send(call.region, call.action, call.form);
    } catch (error) {
      if (error instanceof Ec2Error) return asAnswer(error, id());
      throw error;
    }
  };
  return async (call) => {
    const made = await answer(call);
    return made.status === 200 && faults.loses(call.action) ? null : made;
  };
}
