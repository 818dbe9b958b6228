/** A step of `npm start` while it runs: on a terminal one line that grows older, else a line now and then. */
import { duration, shorten } from "../../agent/cli/table.ts";
import { dim, type Screen } from "../terminal/screen.ts";

const drawMs = 200;
/** In a log, a step that says much is quoted at most so often, and one that says nothing is not forgotten. */
const logMs = 10_000;
const nameWidth = 10;

/** The name in the first column, then the text. */
export const labelled = (name: string, text: string): string => `${name.padEnd(nameWidth)} ${text}`;

/**
 * Runs a step; `note` takes what it says of its progress. The line that stays is the caller's to say.
 * @param logEveryMs how long a log goes without a line of a step that takes its time
 */
export const step = async <T>(
  screen: Screen,
  name: string,
  run: (note: (text: string) => void) => Promise<T>,
  logEveryMs = logMs,
): Promise<T> => {
  const startedMs = performance.now();
  let latest = "";
  let loggedMs = startedMs;
  const elapsed = () => duration(performance.now() - startedMs);
  const show = () => {
    const line = labelled(name, `${latest === "" ? "" : `${latest}  `}(${elapsed()})`);
    if (screen.live) return screen.draw([dim(shorten(line, screen.columns() - 1))]);
    if (performance.now() - loggedMs < logEveryMs) return;
    loggedMs = performance.now();
    screen.say(line);
  };
  const timer = setInterval(show, drawMs);
  try {
    return await run((text) => {
      if (text.trim() === "") return;
      latest = text.trim();
      show();
    });
  } finally {
    clearInterval(timer);
    screen.clear();
  }
};
