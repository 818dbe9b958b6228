/** Text for a terminal: tables and durations that a person reads and a log keeps. Pure. */

export type Align = "left" | "right";
export interface Column {
  title: string;
  align?: Align;
}

// Colours take no room on the screen. Built from a code point, so that no raw escape stands in a source file.
const escape = String.fromCodePoint(27);
const colours = new RegExp(`${escape}\\[[0-9;]*m`, "g");

/** Columns a text takes on the screen: its characters without colour codes. */
export const width = (text: string): number => [...text.replace(colours, "")].length;

const pad = (text: string, to: number, align: Align): string => {
  const room = " ".repeat(Math.max(0, to - width(text)));
  return align === "right" ? room + text : text + room;
};

/** Aligned columns, two blanks apart, the titles in the first line; no line ends in blanks. */
export const table = (columns: readonly Column[], rows: readonly (readonly string[])[]): string[] => {
  const lines = [columns.map((column) => column.title), ...rows];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => width(line[index] ?? ""))));
  const cell = (line: readonly string[], column: Column, index: number) =>
    pad(line[index] ?? "", widths[index]!, column.align ?? "left");
  return lines.map((line) =>
    columns
      .map((column, index) => cell(line, column, index))
      .join("  ")
      .trimEnd(),
  );
};

/** Cuts to `to` columns, with an ellipsis in place of what is gone. */
export const shorten = (text: string, to: number): string =>
  [...text].length <= to ? text : `${[...text].slice(0, Math.max(0, to - 1)).join("")}…`;

/** `0.4 s`, `12 s`, `4 min 05 s`: short where it is short, readable where it is long. */
export const duration = (ms: number): string => {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
};
