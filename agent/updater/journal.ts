/**
 * What manager, updater and boot said, as systemd's journal keeps it: read in pieces, each from where the last one ended.
 * Fields: systemd.journal-fields(7), https://systemd.io/JOURNAL_EXPORT_FORMATS.
 */
import * as z from "zod";
import type { UpdaterDeps } from "./deps.ts";

/** Unit -> the name that its log has. */
const units = {
  "muster-boot.service": "boot",
  "muster-updater.service": "updater",
  "muster-manager.service": "manager",
} as const;

export interface JournalEntry {
  /** `boot`, `updater` or `manager`. */
  from: string;
  /** Milliseconds since 1970. */
  atMs: number;
  text: string;
}
export interface JournalPiece {
  /** In the order in which they were written. */
  entries: JournalEntry[];
  /** Of the last one; null where there was none. */
  cursor: string | null;
  /** There may be more. */
  more: boolean;
}

/** One piece: fits into one call of CloudWatch, and into the memory of the smallest machine. */
export const pieceMax = { lines: 1_000, bytes: 512 * 1024 } as const;

const line = z.object({
  __CURSOR: z.string(),
  /** Microseconds. */
  __REALTIME_TIMESTAMP: z.string().regex(/^\d+$/),
  _SYSTEMD_UNIT: z.string().optional(),
  /** What systemd says of a unit has this one. */
  UNIT: z.string().optional(),
  /** Bytes where it is no UTF-8. */
  MESSAGE: z.union([z.string(), z.array(z.int())]).nullish(),
});

const entryOf = ({ MESSAGE, UNIT, _SYSTEMD_UNIT, ...rest }: z.infer<typeof line>): JournalEntry | null => {
  const from = units[(UNIT ?? _SYSTEMD_UNIT) as keyof typeof units];
  const text = Array.isArray(MESSAGE) ? Buffer.from(MESSAGE).toString("utf8") : (MESSAGE ?? "");
  if (!from || text.trim() === "") return null;
  return { from, atMs: Math.floor(Number(rest.__REALTIME_TIMESTAMP) / 1_000), text };
};

/**
 * @param cursor where the last piece ended; null: from the start of this boot
 * @throws ProgramFailed when journalctl cannot read, for instance because the cursor is none
 */
export const readJournal = async (
  cursor: string | null,
  limitMs: number,
  { lines }: Pick<UpdaterDeps, "lines">,
): Promise<JournalPiece> => {
  const args = [
    ...["--quiet", "--no-pager", "--output=json", "--all", "--output-fields=MESSAGE,UNIT,_SYSTEMD_UNIT"],
    ...Object.keys(units).map((unit) => `--unit=${unit}`),
    cursor === null ? "--boot" : `--after-cursor=${cursor}`,
  ];
  const read = await lines("journalctl", args, { ...pieceMax, ms: limitMs });
  const parsed = read.lines.map((text) => line.parse(JSON.parse(text)));
  return {
    entries: parsed.flatMap((one) => entryOf(one) ?? []),
    cursor: parsed.at(-1)?.__CURSOR ?? null,
    more: read.more,
  };
};
