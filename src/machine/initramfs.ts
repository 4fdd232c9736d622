/**
 * The guest's root as a cpio archive in the "newc" format (Linux Documentation/driver-api/early-userspace/buffer-format.rst).
 * The same files give the same bytes: entries are sorted, directories above a file are added, inode numbers count up, times and
 * owners are zero.
 */
import { InputError } from "./input-error.ts";

/** An entry of the guest's root: contents and permission bits. */
export type RootEntry =
  | { readonly kind: "file"; readonly data: Uint8Array; readonly mode: number }
  | { readonly kind: "directory"; readonly mode: number }
  | { readonly kind: "symlink"; readonly target: string };

const TYPE = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const;
const DIRECTORY_MODE = 0o755;

/** The files of a guest's root by absolute path. */
export class RootFiles {
  readonly #entries = new Map<string, RootEntry>();

  /** Adds or replaces. The path is made absolute and plain; ".." is refused. Throws InputError. */
  set(path: string, entry: RootEntry): void {
    this.#entries.set(normalPath(path), entry);
  }

  /** What is at this path, if it was set. Throws InputError as {@link set} does. */
  get(path: string): RootEntry | undefined {
    return this.#entries.get(normalPath(path));
  }

  /** How many entries were set. */
  get size(): number {
    return this.#entries.size;
  }

  /** Another with the same entries, which are shared. */
  copy(): RootFiles {
    const copy = new RootFiles();
    for (const [path, entry] of this.#entries) copy.#entries.set(path, entry);
    return copy;
  }

  /** Every entry with the directories it needs, parents first, in byte order. */
  sorted(): readonly (readonly [string, RootEntry])[] {
    const all = new Map(this.#entries);
    for (const path of this.#entries.keys()) {
      for (let slash = path.indexOf("/", 1); slash > 0; slash = path.indexOf("/", slash + 1)) {
        const parent = path.slice(0, slash);
        const above = all.get(parent);
        if (above === undefined) all.set(parent, { kind: "directory", mode: DIRECTORY_MODE });
        // A link may lead to a directory; a file cannot.
        else if (above.kind === "file")
          throw new InputError(`${path}: cannot be placed in the guest's root, ${parent} is a file`);
      }
    }
    all.delete("/");
    return [...all].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  /** The archive. */
  toCpio(): Uint8Array {
    const parts: Uint8Array[] = [];
    let inode = 1;
    for (const [path, entry] of this.sorted()) {
      const data =
        entry.kind === "file" ? entry.data : entry.kind === "symlink" ? Buffer.from(entry.target) : new Uint8Array(0);
      const mode = TYPE[entry.kind] | (entry.kind === "symlink" ? 0o777 : entry.mode & 0o7777);
      pushEntry(parts, { name: path.slice(1), inode: inode++, mode, links: entry.kind === "directory" ? 2 : 1, data });
    }
    pushEntry(parts, { name: "TRAILER!!!", inode: 0, mode: 0, links: 1, data: new Uint8Array(0) });
    return Buffer.concat(parts);
  }
}

function normalPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new InputError(`${path}: a path in the guest's root must not contain ".."`);
  return `/${parts.join("/")}`;
}

function pushEntry(
  parts: Uint8Array[],
  entry: { name: string; inode: number; mode: number; links: number; data: Uint8Array },
): void {
  const name = Buffer.from(`${entry.name}\0`);
  const fields = [
    entry.inode,
    entry.mode,
    0, // uid
    0, // gid
    entry.links,
    0, // mtime
    entry.data.length,
    0, // device, major and minor
    0,
    0, // rdev, major and minor
    0,
    name.length,
    0, // checksum, unused
  ];
  const header = Buffer.from(
    `070701${fields.map((field) => field.toString(16).toUpperCase().padStart(8, "0")).join("")}`,
  );
  // Header with name, and data, are each padded to four bytes.
  parts.push(
    header,
    name,
    Buffer.alloc(-(header.length + name.length) & 3),
    entry.data,
    Buffer.alloc(-entry.data.length & 3),
  );
}
