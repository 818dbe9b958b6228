/**
 * The manager's log: JSON, one line an event, on standard output. A disk that is full costs lines, never the manager; what
 * a string of GitHub or an agent could do to the terminal of whoever reads the file is written out as JSON's escapes.
 */
import { type Logger, pino } from "pino";
import { harmless, toStdout, type Write, writeAll } from "../log-line.ts";

export function makeLog(write: Write = toStdout): Logger {
  let lost = 0;
  let torn = false;
  const log = pino(
    { base: null, redact: { paths: ["*.token", "*.authorization", "*.jitConfig"], censor: "[hidden]" } },
    {
      write: (line: string) => {
        const bytes = Buffer.from(`${torn ? "\n" : ""}${harmless(line)}`);
        const written = writeAll(bytes, write);
        torn = torn ? written === 0 || written < bytes.length : written > 0 && written < bytes.length;
        if (written < bytes.length) {
          lost += 1;
          return;
        }
        const lines = lost;
        lost = 0;
        if (lines > 0) log.warn({ lines }, "lines of this log were lost: they could not be written");
      },
    },
  );
  return log;
}
