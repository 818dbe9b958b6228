/** actions/cache: every key is a miss, and nothing is kept. */
import type { Action } from "./index.ts";

export const cache: Action = ({ inputs, line, setOutput }) => {
  line(`actions/cache is simulated: no entry for '${inputs["key"] ?? ""}', and none will be saved`);
  setOutput("cache-hit", "false");
  if (inputs["fail-on-cache-miss"] === "true") {
    return Promise.reject(
      new Error(
        `Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: ${inputs["key"] ?? ""}`,
      ),
    );
  }
  return Promise.resolve();
};
