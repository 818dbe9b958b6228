/** Text for a terminal: tables, cuts and durations that a person reads and a log keeps. Pure. */
import { visible } from "../manager/web/visible.ts";

export type Align = "left" | "right";
export interface Column {
  title: string;
  align?: Align;
  /** The column that gives way when the lines are wider than the terminal; the last one unless another says so. */
  gives?: boolean;
}
export interface TableOptions {
  /** Of the terminal; default: as wide as it gets, for a file. */
  columns?: number;
}

// Colours take no room on the screen. Built from a code point, so that no raw escape stands in a source file.
const escape = String.fromCodePoint(27);
const colours = new RegExp(`${escape}\\[[0-9;]*m`, "g");

/** East Asian wide and fullwidth characters and most emoji (Unicode UAX 11) take two columns, marks on others none. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
const mark = /\p{M}|\u200c|\u200d/u;
const widthOf = (character: string): number => (mark.test(character) ? 0 : wide.test(character) ? 2 : 1);

/** Columns a text takes on the screen: its characters without colour codes. */
export const width = (text: string): number =>
  [...text.replace(colours, "")].reduce((sum, character) => sum + widthOf(character), 0);

const pad = (text: string, to: number, align: Align): string => {
  const room = " ".repeat(Math.max(0, to - width(text)));
  return align === "right" ? room + text : text + room;
};

const gap = 2;
/** Less of a cell says nothing. */
const leastWidth = 8;

/**
 * Aligned columns, two blanks apart, the titles in the first line; no line ends in blanks. Where the lines are wider than
 * the terminal the giving column is cut, then every other from the widest.
 */
export const table = (
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { columns: room = Infinity }: TableOptions = {},
): string[] => {
  const lines = [columns.map((column) => column.title), ...rows];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => width(line[index] ?? ""))));
  narrow(columns, widths, room);
  const cell = (line: readonly string[], column: Column, index: number) =>
    pad(shorten(line[index] ?? "", widths[index]!), widths[index]!, column.align ?? "left");
  return lines.map((line) =>
    columns
      .map((column, index) => cell(line, column, index))
      .join(" ".repeat(gap))
      .trimEnd(),
  );
};

/** Takes from the widths in place until the lines fit or nothing is left to take. */
const narrow = (columns: readonly Column[], widths: number[], room: number): void => {
  const named = columns.findIndex(({ gives }) => gives);
  const giving = named < 0 ? columns.length - 1 : named;
  const over = () => widths.reduce((sum, one) => sum + one + gap, -gap) - room;
  const take = (index: number) => {
    const most = Math.max(0, widths[index]! - Math.max(leastWidth, width(columns[index]!.title)));
    widths[index]! -= Math.min(most, Math.max(0, over()));
  };
  take(giving);
  const widestFirst = columns.map((_, index) => index).sort((a, b) => widths[b]! - widths[a]!);
  for (const index of widestFirst) take(index);
};

/** Cuts to `to` columns, with an ellipsis in place of what is gone. Colour codes of a text that is cut are dropped. */
export const shorten = (text: string, to: number): string => {
  if (width(text) <= to) return text;
  let left = Math.max(0, to - 1);
  let kept = "";
  for (const character of text.replace(colours, "")) {
    left -= widthOf(character);
    if (left < 0) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
};

/**
 * Lines of at most `to` columns, broken at blanks; a word longer than that stands alone and whole, so that commands and
 * addresses can be copied.
 * @param indent before every line but the first
 */
export const wrap = (text: string, to: number, indent = ""): string[] => {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" || line === indent ? `${line}${word}` : `${line} ${word}`;
    if (width(longer) > to && line.trim() !== "") {
      lines.push(line);
      line = `${indent}${word}`;
    } else line = longer;
  }
  return [...lines, line];
};

/** A string of GitHub or of an agent, fit for a terminal: nothing in it moves the cursor, hides or reorders. */
export const safe = (text: string, max = 300): string => visible(text, max);

/** `0.4 s`, `12 s`, `4 min 05 s`, `3 h 10 min`, `2 d 4 h`: short where it is short, readable where it is long. */
export const duration = (ms: number): string => {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
};
