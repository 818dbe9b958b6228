/** Zip files, as artifacts are: deflate, no zip64, sizes in the local headers (APPNOTE.TXT 4.3). */
import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";

export interface ZipEntry {
  /** With forward slashes. */
  name: string;
  data: Buffer;
}

const signatures = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50 };
const sizes = { local: 30, central: 46, end: 22 };
const version = 20;
const utf8 = 0x0800;
const deflated = 8;
/** 1980-01-01, so that equal files make equal archives. */
const date = 0x21;
const bytesMax = 0xffff_ffff;
const entriesMax = 0xffff;

interface Packed {
  name: Buffer;
  crc: number;
  compressed: Buffer;
  size: number;
}

function pack({ name, data }: ZipEntry): Packed {
  if (data.length > bytesMax)
    throw new Error(`${name} has ${data.length} bytes; a zip file takes ${bytesMax}.`);
  return { name: Buffer.from(name), crc: crc32(data), compressed: deflateRawSync(data), size: data.length };
}

/** The fields that local and central headers share, from `version needed` on. */
function writeCommon(header: Buffer, at: number, { name, crc, compressed, size }: Packed): void {
  header.writeUInt16LE(version, at);
  header.writeUInt16LE(utf8, at + 2);
  header.writeUInt16LE(deflated, at + 4);
  header.writeUInt16LE(date, at + 8);
  header.writeUInt32LE(crc, at + 10);
  header.writeUInt32LE(compressed.length, at + 14);
  header.writeUInt32LE(size, at + 18);
  header.writeUInt16LE(name.length, at + 22);
}

export function zip(entries: readonly ZipEntry[]): Buffer {
  if (entries.length > entriesMax)
    throw new Error(`${entries.length} files; a zip file takes ${entriesMax}.`);
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const packed = pack(entry);
    const local = Buffer.alloc(sizes.local);
    local.writeUInt32LE(signatures.local, 0);
    writeCommon(local, 4, packed);
    const central = Buffer.alloc(sizes.central);
    central.writeUInt32LE(signatures.central, 0);
    central.writeUInt16LE(version, 4);
    writeCommon(central, 6, packed);
    central.writeUInt32LE(offset, 42);
    parts.push(local, packed.name, packed.compressed);
    directory.push(central, packed.name);
    offset += local.length + packed.name.length + packed.compressed.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(sizes.end);
  end.writeUInt32LE(signatures.end, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, list, end]);
}

function endOf(archive: Buffer): number {
  for (let at = archive.length - sizes.end; at >= 0; at -= 1) {
    if (archive.readUInt32LE(at) === signatures.end) return at;
  }
  throw new Error("This is no zip file.");
}

/** @throws when it is no zip file, is damaged, or uses another method than store and deflate. */
export function unzip(archive: Buffer): ZipEntry[] {
  const end = endOf(archive);
  let at = archive.readUInt32LE(end + 16);
  return Array.from({ length: archive.readUInt16LE(end + 10) }, () => {
    const method = archive.readUInt16LE(at + 10);
    const crc = archive.readUInt32LE(at + 16);
    const compressedSize = archive.readUInt32LE(at + 20);
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map((field) => archive.readUInt16LE(at + field));
    const local = archive.readUInt32LE(at + 42);
    const name = archive.toString("utf8", at + sizes.central, at + sizes.central + nameSize!);
    const start = local + sizes.local + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const raw = archive.subarray(start, start + compressedSize);
    if (method !== 0 && method !== deflated) throw new Error(`${name} is packed by method ${method}.`);
    const data = method === deflated ? inflateRawSync(raw) : Buffer.from(raw);
    if (crc32(data) !== crc) throw new Error(`${name} is damaged.`);
    at += sizes.central + nameSize! + extraSize! + commentSize!;
    return { name, data };
  });
}
