/**
 * A bundled script as a Command carries it: packed on its standard input, where a delete finds it in Pulumi's state when
 * the checkout has long moved on, and a line that unpacks and runs it. No path is part of it.
 */
import { createHash } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import { local } from "@pulumi/command";
import type { Bundle } from "../bundle.ts";

/** Lines of progress are shown; an empty standard output is what the state keeps. */
export const quiet = { logging: local.Logging.Stderr, addPreviousOutputInEnv: false };

const compress = promisify(brotliCompress);

type Script = Pick<Bundle, "path" | "sha256">;

/** Two Commands ask for the same at one moment: one of them packs. */
const packing = new Map<string, Promise<string>>();

/** Brotli as text. Packing takes a second, so it is done once a version, beside the bundle. */
export const packedScript = (script: Script): Promise<string> => {
  const key = `${script.path} ${script.sha256}`;
  const packed = packing.get(key) ?? pack(script);
  packing.set(key, packed);
  return packed;
};

const pack = async ({ path, sha256 }: Script): Promise<string> => {
  const packed = `${path}.packed`;
  const known = await readFile(packed, "utf8").catch(() => null);
  if (known?.startsWith(`${sha256} `)) return known.slice(sha256.length + 1);
  const source = await readFile(path);
  if (createHash("sha256").update(source).digest("hex") !== sha256)
    throw new Error(`${path} is not what was built: delete the folder it is in and repeat it`);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: source.length,
  };
  const text = textOf(await compress(source, { params }));
  await writeFile(`${packed}.${process.pid}.new`, `${sha256} ${text}`);
  await rename(`${packed}.${process.pid}.new`, packed);
  return text;
};

/** Neither quoted nor escaped in a shell's single quotes, in JavaScript or in JSON as Pulumi writes it. */
const digits = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index))
  .filter((character) => !`"'\`\\&<>$~`.includes(character))
  .join("");

/** Base 85, five digits for four bytes: a sixteenth shorter than base64. Zero bytes fill the last four; Brotli ends itself. */
export const textOf = (bytes: Uint8Array): string => {
  const filled = Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  let text = "";
  for (let at = 0; at < filled.length; at += 4) {
    let number = filled.readUInt32BE(at);
    let five = "";
    for (let count = 0; count < 5; count++) {
      five = digits[number % 85]! + five;
      number = Math.floor(number / 85);
    }
    text += five;
  }
  return text;
};

/** What the oldest Node that runs the script has; an older one, also a very old one, reads the line and says so. */
const nodeMin = 20;

// Between single quotes of a shell: it must not contain one.
const loader = [
  `if(parseInt(process.versions.node)<${nodeMin}){`,
  `console.error("muster: this needs Node.js ${nodeMin} or later, and the first node on PATH is "+process.version+": put a newer one first and repeat it");`,
  `process.exit(1)}`,
  `var packed="";process.stdin.on("data",function(part){packed+=part}).on("end",function(){`,
  `var digits="${digits}",bytes=Buffer.alloc(packed.length/5*4);`,
  `for(var at=0;at<packed.length;at+=5){var number=0;for(var i=0;i<5;i++)number=number*85+digits.indexOf(packed[at+i]);bytes.writeUInt32BE(number,at/5*4)}`,
  `var code=require("zlib").brotliDecompressSync(bytes).toString();`,
  `require("vm").runInThisContext("(function(require,module,exports){"+code+"\\n})",{filename:"muster-script.js"})`,
  `(require,{exports:{}},{})})`,
].join("");

/** The shell's line that runs the script from standard input. @param word its last argument, without a meaning to a shell */
export const scriptLine = (word: string): string =>
  `command -v node >/dev/null || { echo "muster: no node on PATH: this needs Node.js ${nodeMin} or later" >&2; exit 1; }; ` +
  `exec node -e '${loader}' ${word}`;
