/** `pulumi preview` and `up` of the stacks dev and prod as they are in the checkout, on the real engine with moto as AWS. */
import { openAwsRig } from "../../test/engine/aws/rig.ts";
import { median } from "./figures.ts";

export interface AwsBench {
  stack: string;
  /** Nothing there yet, and the first of its checkout: what runs on machines is built. */
  firstSeconds: number;
  /** Nothing there yet. */
  previewSeconds: number;
  upSeconds: number;
  /** All is there, nothing changed. */
  againSeconds: number;
  /** Components and providers included. */
  resources: number;
}

export async function benchAws(stack: string, rounds = 3): Promise<AwsBench> {
  const settings = { "muster:github": { url: "https://github.com/acme/widgets" } };
  const rig = await openAwsRig({ stack, settings, secrets: { "muster:githubToken": "bench-token" } });
  const previews = async () => {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) times.push((await rig.preview()).seconds);
    return median(times);
  };
  try {
    const firstSeconds = (await rig.preview()).seconds;
    const previewSeconds = await previews();
    await rig.up();
    const upSeconds = rig.seconds.findLast(({ command }) => command === "up")!.seconds;
    const { resources } = await rig.state();
    const againSeconds = await previews();
    return { stack, firstSeconds, previewSeconds, upSeconds, againSeconds, resources: resources.length };
  } finally {
    await rig.close();
  }
}
