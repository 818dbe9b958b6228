/** `pulumi preview` of the stack `local`, nothing there yet, on the real engine. */
import { copyProject } from "../../test/engine/project.ts";
import { openLocalStack } from "../engine/local-stack.ts";
import { median } from "./figures.ts";

export interface PreviewBench {
  seconds: number;
}

export async function benchPreview(rounds = 3): Promise<PreviewBench> {
  const project = await copyProject({
    settings: { "muster:github": { url: "http://127.0.0.1:1/acme/widgets" } },
  });
  try {
    const stack = await openLocalStack({ root: project.root, log: (line) => console.error(line) });
    await stack.setSecret("githubToken", "bench-token");
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) times.push((await stack.preview()).seconds);
    return { seconds: median(times) };
  } finally {
    await project.remove();
  }
}
