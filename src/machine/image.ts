/**
 * Image bundles: a gzip-compressed tar with `manifest.json`, a kernel, the files of the guest's root under `root/`, disks, a script
 * and the expected console. docs/command.md describes the format. The same contents always give the same bytes.
 */
import { createReadStream } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import * as tar from "tar-stream";
import { splitCommand } from "./command-line.ts";
import { applyDelta } from "./delta.ts";
import { Disk, gunzip, isGzip, MOST_KEPT, SparseContents } from "./disk.ts";
import { RootFiles } from "./initramfs.ts";
import { fileProblem, InputError, messageOf } from "./input-error.ts";
import { LARGEST_MEMORY, parseMemorySize } from "./memory-size.ts";

export const IMAGE_FORMAT = 1;
const MANIFEST = "manifest.json";
const ROOT = "root/";
/** Manifests, scripts and consoles are text for people. */
const LONGEST_TEXT = 2 ** 26;

/** `manifest.json`, checked. */
export interface Manifest {
  readonly format: typeof IMAGE_FORMAT;
  /** One line for people. */
  readonly description: string;
  /** Path of the kernel in the image. */
  readonly kernel: string;
  /**
   * Another image, by its path from this one's directory. The kernel is then a delta to that image's kernel (delta.ts), and what the
   * manifest names and is not here comes from there; so does the guest's root, if there is nothing of it here.
   */
  readonly base?: string;
  /** Size of the machine's memory, such as "256M". */
  readonly memory: string;
  /** Options of the kernel; the machine adds those that announce its devices. */
  readonly commandLine: string;
  /** The program that /init runs, with its arguments. */
  readonly exec?: string;
  /** Paths of disks in the image, in the order in which the guest finds them; raw or gzip. */
  readonly disks: readonly string[];
  /** Path of a script that runs with the image. */
  readonly script?: string;
  /** Path of the console output that a run must give. */
  readonly expectedConsole?: string;
}

/** An image as loaded. */
export interface Image {
  readonly manifest: Manifest;
  readonly kernel: Uint8Array;
  readonly root: RootFiles;
  readonly disks: readonly Disk[];
  /** TypeScript text. */
  readonly script?: string;
  readonly expectedConsole?: string;
}

const TEXT_FIELDS = ["description", "kernel", "memory", "commandLine"] as const;
const OPTIONAL_TEXT_FIELDS = ["base", "exec", "script", "expectedConsole"] as const;
const FIELDS: readonly string[] = ["format", ...TEXT_FIELDS, ...OPTIONAL_TEXT_FIELDS, "disks"];

/** Checks the text of a manifest. `name` is what error messages call it. Throws InputError naming the field and its value. */
export function parseManifest(text: string, name: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${name}: not JSON: ${messageOf(error).replaceAll(/\s+/g, " ")}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new InputError(`${name}: expected an object, got ${show(value)}`);
  const fields = new Map<string, unknown>(Object.entries(value));
  const wrong = (field: string, expected: string): InputError => {
    const given = fields.has(field) ? `got ${show(fields.get(field))}` : "it is missing";
    return new InputError(`${name}: "${field}" must be ${expected}, ${given}`);
  };
  const required = (field: string, expected: string): string => {
    const given = fields.get(field);
    if (typeof given !== "string" || given === "") throw wrong(field, expected);
    return given;
  };
  const optional = (field: string, expected: string): string | undefined =>
    fields.has(field) ? required(field, expected) : undefined;

  if (fields.get("format") !== IMAGE_FORMAT) throw wrong("format", `${IMAGE_FORMAT}`);
  for (const field of fields.keys())
    if (!FIELDS.includes(field)) throw new InputError(`${name}: unknown field "${field}"; known: ${FIELDS.join(", ")}`);
  const memory = required("memory", 'a size such as "256M"');
  try {
    parseMemorySize(memory);
  } catch (error) {
    throw wrong("memory", `a size such as "256M" (${messageOf(error)})`);
  }
  const commandLine = fields.get("commandLine") ?? "";
  if (typeof commandLine !== "string" || /[\n\0]/.test(commandLine))
    throw wrong("commandLine", "one line of kernel options");
  const exec = optional("exec", "a program with its arguments");
  if (exec !== undefined) splitCommand(exec, `${name}: "exec"`);
  const base = optional("base", "the path of another image");
  const disks = fields.get("disks") ?? [];
  const isPath = (item: unknown): item is string => typeof item === "string" && item !== "";
  if (!Array.isArray(disks) || !disks.every(isPath)) throw wrong("disks", "a list of paths in the image");
  const script = optional("script", "a path in the image");
  const expectedConsole = optional("expectedConsole", "a path in the image");
  return {
    format: IMAGE_FORMAT,
    description: required("description", "a line of text"),
    kernel: required("kernel", "the path of the kernel in the image"),
    ...(base !== undefined && { base }),
    memory,
    commandLine,
    ...(exec !== undefined && { exec }),
    disks,
    ...(script !== undefined && { script }),
    ...(expectedConsole !== undefined && { expectedConsole }),
  };
}

/** Loads an image. Throws InputError, with the image's path, for anything that is wrong with it. */
export async function loadImage(path: string): Promise<Image> {
  return (await unpackImage(path, [])).image;
}

interface Unpacked {
  readonly image: Image;
  readonly members: ReadonlyMap<string, SparseContents>;
}

/** `derived`: the images that have led to this one as their base. */
async function unpackImage(path: string, derived: readonly string[]): Promise<Unpacked> {
  if (derived.includes(resolve(path))) throw new InputError(`${path}: ${MANIFEST}: the image is its own base`);
  const { members, root } = await readMembers(path);
  const manifestBytes = members.get(MANIFEST);
  if (manifestBytes === undefined) throw new InputError(`${path}: not an image: it has no ${MANIFEST}`);
  const manifest = parseManifest(decode(manifestBytes, `${path}: ${MANIFEST}`), `${path}: ${MANIFEST}`);
  const member = (field: string, name: string): SparseContents => {
    const contents = members.get(name);
    if (contents === undefined)
      throw new InputError(`${path}: ${MANIFEST}: "${field}" names "${name}", which is not in the image`);
    return contents;
  };
  const text = (field: string, name: string): string => decode(member(field, name), `${path}: ${name}`);
  let kernel = wholeBytes(member("kernel", manifest.kernel), LARGEST_MEMORY, `${path}: ${manifest.kernel}`);
  if (manifest.base !== undefined) {
    const base = await unpackBase(path, manifest.base, derived);
    kernel = applyDelta(base.image.kernel, kernel, `${path}: ${manifest.kernel}`);
    for (const [name, contents] of base.members) if (!members.has(name)) members.set(name, contents);
    if (root.size === 0) for (const [name, entry] of base.image.root.sorted()) root.set(name, entry);
  }
  const disks: Disk[] = [];
  for (const name of manifest.disks) {
    const contents = member("disks", name);
    const first = contents.chunk(0);
    if (first !== undefined && isGzip(first))
      disks.push(
        await Disk.fromStream(
          Readable.from([wholeBytes(contents, LARGEST_MEMORY, `${path}: ${name}`)]),
          `${path}: ${name}`,
          true,
        ),
      );
    else disks.push(Disk.fromContents(contents, `${path}: ${name}`));
  }
  const image = {
    manifest,
    kernel,
    root,
    disks,
    ...(manifest.script !== undefined && { script: text("script", manifest.script) }),
    ...(manifest.expectedConsole !== undefined && {
      expectedConsole: text("expectedConsole", manifest.expectedConsole),
    }),
  };
  return { image, members };
}

/** The base of the image `path`. What is wrong with it is said together with whose base it is. */
async function unpackBase(path: string, base: string, derived: readonly string[]): Promise<Unpacked> {
  try {
    return await unpackImage(join(dirname(path), base), [...derived, resolve(path)]);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${path}: ${MANIFEST}: "base": ${error.message}`);
  }
}

/** Unpacks the tar: the guest's root, and everything else by path. */
async function readMembers(path: string): Promise<{ members: Map<string, SparseContents>; root: RootFiles }> {
  const members = new Map<string, SparseContents>();
  const root = new RootFiles();
  // All of them together have to fit into this host's memory, and the root's files into the guest's.
  let kept = MOST_KEPT;
  let rootBytes = LARGEST_MEMORY;
  const contentsOf = async (stream: AsyncIterable<unknown>, name: string, size?: number): Promise<SparseContents> => {
    const contents = await SparseContents.from(stream, `${path}: ${name}`, {
      kept,
      ...(size !== undefined && { size }),
    });
    kept -= contents.kept;
    return contents;
  };
  const file = createReadStream(path);
  const extract = tar.extract();
  let unpacking = false;
  const unpacked = gunzip(file);
  file.on("error", (error) => extract.destroy(new InputError(`${path}: cannot be read: ${fileProblem(error)}`)));
  unpacked.on("error", (error: Error) =>
    extract.destroy(new InputError(`${path}: not a whole gzip file: ${messageOf(error)}`)),
  );
  unpacked.once("data", () => {
    unpacking = true;
  });
  unpacked.pipe(extract);
  try {
    for await (const entry of extract) {
      const { name, type, mode, linkname } = entry.header;
      const plain = name.replace(/^\.\//, "");
      if (plain.startsWith(ROOT)) {
        const target = `/${plain.slice(ROOT.length)}`;
        if (type === "directory") root.set(target, { kind: "directory", mode: mode ?? 0o755 });
        else if (type === "symlink") root.set(target, { kind: "symlink", target: linkname ?? "" });
        else if (type === "file") {
          const data = (await contentsOf(entry, name, rootBytes)).toBytes();
          rootBytes -= data.length;
          root.set(target, { kind: "file", data, mode: mode ?? 0o644 });
        } else
          throw new InputError(`${path}: ${name}: a tar entry of type ${type}, expected a file, directory or symlink`);
      } else if (type === "file") members.set(plain, await contentsOf(entry, name));
      entry.resume();
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: not a whole image (a gzip-compressed tar): ${messageOf(error)}`);
  } finally {
    file.destroy();
  }
  if (!unpacking) throw new InputError(`${path}: an empty gzip file, expected an image`);
  return { members, root };
}

/** What {@link buildImage} packs. Paths of `files` are those that the manifest names. */
export interface ImageContents {
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly root: RootFiles;
}

/** Packs an image: entries sorted, times and owners zero. Throws InputError if the manifest names a file that is not given. */
export async function buildImage(contents: ImageContents): Promise<Uint8Array> {
  const { manifest, files, root } = contents;
  const named = [manifest.kernel, manifest.script, manifest.expectedConsole, ...(manifest.base ? [] : manifest.disks)];
  for (const name of named)
    if (name !== undefined && !files.has(name)) throw new InputError(`${MANIFEST} names "${name}", which is not given`);
  const pack = tar.pack();
  const fixed = { mtime: new Date(0), uid: 0, gid: 0, uname: "root", gname: "root" };
  // The manifest comes first, so that looking into an image does not need all of it.
  pack.entry({ ...fixed, name: MANIFEST, mode: 0o644 }, `${JSON.stringify(manifest, undefined, 2)}\n`);
  for (const name of [...files.keys()].sort())
    pack.entry({ ...fixed, name, mode: 0o644 }, Buffer.from(files.get(name) ?? []));
  for (const [path, entry] of root.sorted()) {
    const name = `${ROOT}${path.slice(1)}`;
    if (entry.kind === "directory") pack.entry({ ...fixed, name: `${name}/`, type: "directory", mode: entry.mode });
    else if (entry.kind === "symlink")
      pack.entry({ ...fixed, name, type: "symlink", linkname: entry.target, mode: 0o777 });
    else pack.entry({ ...fixed, name, mode: entry.mode }, Buffer.from(entry.data));
  }
  pack.finalize();
  const bundle = await SparseContents.from(pack, "image");
  const compressed = gzipSync(bundle.toBytes(), { level: 9 });
  // The header's operating system byte depends on the host: 255 is "unknown" (RFC 1952).
  compressed[9] = 255;
  return compressed;
}

function decode(contents: SparseContents, name: string): string {
  return new TextDecoder().decode(wholeBytes(contents, LONGEST_TEXT, name));
}

/** Contents in one piece. What is mostly zeros is small until then. */
function wholeBytes(contents: SparseContents, limit: number, name: string): Uint8Array {
  if (contents.size > limit) throw new InputError(`${name}: ${contents.size} bytes, expected at most ${limit}`);
  return contents.toBytes();
}

/** A value as JSON, cut to a length that fits into a message. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
