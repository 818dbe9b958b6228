/** The valid name that was probably meant. */

/** Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other. */
const distance = (from: string, to: string): number => {
  const table = Array.from({ length: from.length + 1 }, (_, row) =>
    Array.from({ length: to.length + 1 }, (_, column) => (row === 0 ? column : column === 0 ? row : 0)),
  );
  const at = (row: number, column: number) => table[row]![column]!;
  for (let row = 1; row <= from.length; row++) {
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let best = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) best = Math.min(best, at(row - 2, column - 2) + 1);
      table[row]![column] = best;
    }
  }
  return at(from.length, to.length);
};

/** Null when nothing is near enough: more than half of the letters would be wrong. */
export const nearest = (given: string, names: readonly string[]): string | null => {
  const word = given.toLowerCase();
  const ranked = names
    .map((name) => ({ name, far: distance(word, name.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best && best.far <= Math.max(1, Math.floor(word.length / 2)) ? best.name : null;
};

/** `did you mean "max"? Known: ...` for messages. */
export const suggestion = (given: string, names: readonly string[]): string => {
  const near = nearest(given, names);
  return `${near === null ? "" : `did you mean ${near}? `}known: ${names.join(", ")}`;
};
