/**
 * What a person watches: lines that stay, and below them lines that are drawn again. Where the output is no terminal
 * (a file, a build log) only the lines that stay are printed.
 */
import pc from "picocolors";

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  rows?: number;
  columns?: number;
}

export interface Screen {
  /** True: draw() shows something. */
  live: boolean;
  /** Room for drawn lines. */
  rows(): number;
  columns(): number;
  /** A line that stays. */
  say(text: string): void;
  /** Replaces the drawn lines. */
  draw(lines: readonly string[]): void;
  /** Takes the drawn lines away. */
  clear(): void;
}

// CSI sequences (ECMA-48): cursor up n lines, erase to the end of the screen.
const csi = `${String.fromCodePoint(27)}[`;
const over = (lines: number) => (lines === 0 ? "" : `${csi}${lines}A${csi}0J`);

/** Lines must be no wider than columns(): a line that wraps is two, and drawing over it would go wrong. */
export const makeScreen = (output: Output): Screen => {
  const live = output.isTTY === true;
  let drawn: readonly string[] = [];
  const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");
  return {
    live,
    rows: () => (output.rows ?? 24) - 1,
    columns: () => output.columns ?? 80,
    say: (line) => output.write(`${over(drawn.length)}${line}\n${text(drawn)}`),
    draw: (lines) => {
      if (!live) return;
      output.write(`${over(drawn.length)}${text(lines)}`);
      drawn = lines;
    },
    clear: () => {
      output.write(over(drawn.length));
      drawn = [];
    },
  };
};

/** Colours for people who watch: a log, also one of CI, gets none; picocolors would give CI some. */
const { NO_COLOR, FORCE_COLOR } = process.env;
const coloured = (NO_COLOR ?? "") === "" && (process.stdout.isTTY || (FORCE_COLOR ?? "") !== "");
export const { bold, dim, green, red, yellow } = pc.createColors(coloured);
