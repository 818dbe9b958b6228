/** Boots that failed, for people: what machines said of theirs, and the consoles of machines that never enrolled. Bounded. */
import type { BootView } from "../view.ts";
import { visible } from "../web/visible.ts";

/** Whoever may call can send reports; they must not push out what a cloud says. */
export const bootsKept = { reports: 50, consoles: 20 } as const;
const linesKept = 20;
const consoleLinesKept = 60;
const consoleCharactersMax = 8 * 1024;

export interface BootBook {
  add(view: BootView): void;
  /** Newest first. */
  all(): readonly BootView[];
}

export const isConsole = ({ phase }: Pick<BootView, "phase">): boolean => phase === "console";

/** @param earlier as an earlier manager left them */
export function bootBook(earlier: readonly BootView[]): BootBook {
  const newestFirst = (views: readonly BootView[]) => [...views].sort((a, b) => b.atMs - a.atMs);
  let reports = newestFirst(earlier.filter((view) => !isConsole(view))).slice(0, bootsKept.reports);
  let consoles = newestFirst(earlier.filter(isConsole)).slice(0, bootsKept.consoles);
  return {
    add: (view) => {
      if (isConsole(view)) consoles = [view, ...consoles].slice(0, bootsKept.consoles);
      else reports = [view, ...reports].slice(0, bootsKept.reports);
    },
    all: () => newestFirst([...reports, ...consoles]),
  };
}

const linesOf = (text: string) => text.split(/\r\n|[\r\n]/).filter((line) => line.trim() !== "");

export const reportLines = (text: string): string[] =>
  linesOf(text)
    .slice(-linesKept)
    .map((line) => visible(line));

/** As many of the last lines as fit, characters that are written out included. */
export function consoleLines(text: string): string[] {
  const kept: string[] = [];
  let left = consoleCharactersMax;
  for (const line of linesOf(text).slice(-consoleLinesKept).reverse()) {
    const shown = visible(line);
    left -= shown.length;
    if (left < 0) break;
    kept.unshift(shown);
  }
  return kept;
}
