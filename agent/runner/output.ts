/**
 * Follows a file that another process appends to. The Listener writes to a file and not to a pipe, so that it can go
 * on when its agent is gone.
 */
import {
  closeSync,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  watch,
  type FSWatcher,
} from "node:fs";
import { StringDecoder } from "node:string_decoder";
import type { Clock } from "./deps.ts";
import type { Limits } from "./limits.ts";

export interface Output {
  /** Reads what is there now. */
  read(): void;
  /** Reads the rest, the last line also without its end, and stops. */
  close(): void;
}

const lineMax = 16 * 1024;

/**
 * @param file exists; every line that is appended from now on is given to `onLine` once, unless they come as a flood
 * @param wholly what it has already is read, too
 */
export function followOutput(
  file: string,
  onLine: (line: string) => void,
  limits: Pick<Limits, "outputBytesMax" | "outputPollMs">,
  clock: Clock,
  wholly = false,
): Output {
  const input = openSync(file, "r+");
  const decoder = new StringDecoder("utf8");
  const buffer = Buffer.alloc(64 * 1024);
  let offset = wholly ? 0 : fstatSync(input).size;
  let rest = "";

  const read = () => {
    // Not until nothing is left: who writes faster than this reads would never let go of the agent.
    const end = fstatSync(input).size;
    if (end - offset > 2 * limits.outputBytesMax) {
      // No runner says so much at a time, but a job of the same user may open this file (/proc/PID/fd), or make it long.
      [rest, offset] = ["", 0];
      return ftruncateSync(input, 0);
    }
    while (offset < end) {
      const bytes = readSync(input, buffer, 0, Math.min(buffer.length, end - offset), offset);
      if (bytes === 0) break;
      offset += bytes;
      const lines = (rest + decoder.write(buffer.subarray(0, bytes))).split("\n");
      rest = lines.pop()!.slice(-lineMax);
      for (const line of lines) onLine(line);
    }
    if (offset <= limits.outputBytesMax) return;
    // The writer appends, so it goes on at the beginning.
    try {
      copyFileSync(file, `${file}.1`);
    } catch {
      // The disk is full, or the folder is another user's (unit.ts): what has been read is let go.
    }
    ftruncateSync(input, 0);
    offset = 0;
  };

  let cancel: () => void;
  const poll = () => {
    read();
    cancel = clock.after(limits.outputPollMs, poll);
  };
  const watcher = watched(file, read);
  poll();
  let open = true;
  return {
    read: () => open && read(),
    close: () => {
      if (!open) return;
      open = false;
      watcher?.close();
      cancel();
      read();
      if (rest !== "") onLine(rest);
      closeSync(input);
    },
  };
}

/** null where this user may have no more inotify instances: then polling alone has to do. */
export function watched(file: string, read: () => void): FSWatcher | null {
  try {
    return watch(file, { persistent: false }, read).on("error", () => {});
  } catch {
    return null;
  }
}
