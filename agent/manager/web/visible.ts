/** Strings of GitHub and of agents on their way to people. */

/** Controls, line and paragraph separators, bidi marks, other invisible format characters and halves of pairs; not the joiners that emoji need. */
const invisible = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu;

/**
 * The text with everything that could hide, reorder or break it written out as `\u{202e}`, cut to `max` UTF-16 units.
 * Markup is not its matter: whoever puts it into HTML, JSON or metrics escapes for that.
 */
export function visible(text: string, max = 300): string {
  const cut = text.length > max ? `${text.slice(0, max - 1)}…` : text;
  return cut.replace(invisible, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

export const visibleOrNull = (text: string | null, max?: number): string | null =>
  text === null ? null : visible(text, max);
