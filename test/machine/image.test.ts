import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { makeDelta } from "../../src/machine/delta.ts";
import { buildImage, type ImageContents, loadImage, type Manifest, parseManifest } from "../../src/machine/image.ts";
import { RootFiles } from "../../src/machine/initramfs.ts";

const folder = mkdtempSync(join(tmpdir(), "enomem-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

function place(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const manifest: Manifest = {
  format: 1,
  description: "a test",
  kernel: "kernel.elf",
  memory: "64M",
  commandLine: "quiet",
  exec: "/bin/test 'a b'",
  disks: ["raw.img", "packed.img.gz"],
  expectedConsole: "expected.txt",
};

function contents(): ImageContents {
  const root = new RootFiles();
  root.set("/etc/motd", { kind: "file", data: Buffer.from("hello\n"), mode: 0o600 });
  root.set("/bin/test", { kind: "file", data: Buffer.from("#!"), mode: 0o755 });
  root.set("/bin/link", { kind: "symlink", target: "test" });
  root.set("/tmp", { kind: "directory", mode: 0o777 });
  const disk = new Uint8Array(200_000);
  disk[150_000] = 7;
  const files = new Map<string, Uint8Array>([
    ["kernel.elf", Buffer.from("\x7fELF kernel")],
    ["raw.img", disk],
    ["packed.img.gz", gzipSync(disk)],
    ["expected.txt", Buffer.from("out\n")],
  ]);
  return { manifest, files, root };
}

describe("image bundle", () => {
  it("comes back as it was packed", async () => {
    const image = await loadImage(place("good.bin", await buildImage(contents())));
    expect(image.manifest).toEqual(manifest);
    expect(Buffer.from(image.kernel).toString()).toBe("\x7fELF kernel");
    expect(image.expectedConsole).toBe("out\n");
    expect(image.root.get("/etc/motd")).toMatchObject({ kind: "file", mode: 0o600 });
    expect(image.root.get("/bin/link")).toEqual({ kind: "symlink", target: "test" });
    expect(image.root.get("/tmp")).toEqual({ kind: "directory", mode: 0o777 });
    expect(image.disks.map((disk) => disk.size)).toEqual([200_192, 200_192]);
    for (const disk of image.disks) expect([...disk.read(149_999, 3)]).toEqual([0, 7, 0]);
  });

  it("is the same bytes for the same contents", async () => {
    expect(Buffer.compare(await buildImage(contents()), await buildImage(contents()))).toBe(0);
  });

  it("is a gzip-compressed tar with its manifest first", async () => {
    const tar = gunzipSync(await buildImage(contents()));
    expect(tar.subarray(0, 13).toString()).toBe("manifest.json");
    expect(tar.subarray(257, 262).toString()).toBe("ustar");
  });

  it("is not built without a file that its manifest names", async () => {
    const incomplete = { ...contents(), files: new Map() };
    await expect(buildImage(incomplete)).rejects.toThrow('manifest.json names "kernel.elf", which is not given');
  });

  it("refuses a truncated file wherever it is cut", async () => {
    const whole = await buildImage(contents());
    for (const length of [3, 10, 11, 100, whole.length - 400, whole.length - 9, whole.length - 1]) {
      const path = place("cut.bin", whole.subarray(0, length));
      await expect(loadImage(path), `cut to ${length}`).rejects.toThrow(/cut\.bin: (not a whole|an empty gzip)/);
    }
  });

  it("refuses a file with a byte changed", async () => {
    const whole = Buffer.from(await buildImage(contents()));
    for (const at of [200, whole.length >> 1, whole.length - 6]) {
      const broken = Buffer.from(whole);
      broken[at] ^= 0x55;
      await expect(loadImage(place("broken.bin", broken)), `byte ${at}`).rejects.toThrow(/broken\.bin: /);
    }
  });

  it("refuses gzip that holds no tar, and a tar that is cut", async () => {
    const text = place("text.bin", gzipSync(Buffer.from("just some text\n".repeat(100))));
    await expect(loadImage(text)).rejects.toThrow(/text\.bin: not a whole image \(a gzip-compressed tar\): /);
    const tar = gunzipSync(await buildImage(contents()));
    const cut = place("cut-tar.bin", gzipSync(tar.subarray(0, 1200)));
    await expect(loadImage(cut)).rejects.toThrow(/cut-tar\.bin: /);
  });

  it("refuses an image whose manifest names what is not there", async () => {
    const good = contents();
    const tar = gunzipSync(await buildImage(good));
    const renamed = Buffer.from(tar.toString("latin1").replace('"raw.img"', '"rew.img"'), "latin1");
    await expect(loadImage(place("renamed.bin", gzipSync(renamed)))).rejects.toThrow(
      'renamed.bin: manifest.json: "disks" names "rew.img", which is not in the image',
    );
  });

  it("refuses a packed disk that is damaged", async () => {
    const packed = contents();
    const disk = gzipSync(Buffer.alloc(100_000, 3));
    const files = new Map(packed.files).set("packed.img.gz", disk.subarray(0, disk.length - 20));
    const path = place("disk.bin", await buildImage({ ...packed, files }));
    await expect(loadImage(path)).rejects.toThrow(/disk\.bin: packed\.img\.gz: disk is not a whole gzip file: /);
  });
});

describe("an image with a base", () => {
  const files = (name: string, bytes: Uint8Array): Map<string, Uint8Array> => new Map([[name, bytes]]);
  const kernel = Buffer.from("\x7fELF kernel");
  const other = Buffer.from("\x7fELF kernel with a bug");
  const derived: Manifest = {
    ...manifest,
    base: "base.bin",
    kernel: "kernel.delta",
    exec: "/bin/test 1",
    disks: ["raw.img"],
  };
  const { expectedConsole: _, ...withoutConsole } = derived;

  it("takes from it what it has not itself, and its kernel by the difference", async () => {
    place("base.bin", await buildImage(contents()));
    const delta = files("kernel.delta", makeDelta(kernel, other));
    const bytes = await buildImage({ manifest: withoutConsole, files: delta, root: new RootFiles() });
    const image = await loadImage(place("derived.bin", bytes));
    expect(Buffer.from(image.kernel)).toEqual(other);
    expect(image.manifest.exec).toBe("/bin/test 1");
    expect(image.root.get("/bin/test")).toMatchObject({ kind: "file", mode: 0o755 });
    expect(image.disks.map((disk) => disk.size)).toEqual([200_192]);
  });

  it("has the root that is in it, and no other's, if there is one", async () => {
    place("base.bin", await buildImage(contents()));
    const root = new RootFiles();
    root.set("/etc/motd", { kind: "file", data: Buffer.from("bye\n"), mode: 0o644 });
    const delta = files("kernel.delta", makeDelta(kernel, other));
    const bytes = await buildImage({ manifest: withoutConsole, files: delta, root });
    const image = await loadImage(place("derived.bin", bytes));
    expect(image.root.sorted().map(([path]) => path)).toEqual(["/etc", "/etc/motd"]);
  });

  it("is refused if the base is missing, is another one, or is the image itself", async () => {
    const build = async (change: object, name: string, delta: Uint8Array): Promise<string> => {
      const bytes = await buildImage({
        manifest: { ...withoutConsole, ...change },
        files: files("kernel.delta", delta),
        root: new RootFiles(),
      });
      return place(name, bytes);
    };
    const delta = makeDelta(kernel, other);
    await expect(loadImage(await build({ base: "none.bin" }, "orphan.bin", delta))).rejects.toThrow(
      /none\.bin: cannot be read/,
    );
    const wrong = makeDelta(other, kernel);
    await expect(loadImage(await build({}, "stranger.bin", wrong))).rejects.toThrow(
      /stranger\.bin: kernel\.delta: this delta is for another base/,
    );
    await expect(loadImage(await build({ base: "self.bin" }, "self.bin", delta))).rejects.toThrow(
      /self\.bin: manifest\.json: the image is its own base/,
    );
  });
});

describe("manifest", () => {
  const valid = { format: 1, description: "d", kernel: "k", memory: "64M" };
  const wrong = (change: object): string => JSON.stringify({ ...valid, ...change });

  it("fills in what may be left out", () => {
    expect(parseManifest(JSON.stringify(valid), "m")).toEqual({ ...valid, commandLine: "", disks: [] });
  });

  it.each([
    ["{", /^m: not JSON: /],
    ["[]", /^m: expected an object, got \[\]$/],
    [wrong({ format: 2 }), /^m: "format" must be 1, got 2$/],
    [wrong({ memory: "lots" }), /^m: "memory" must be a size such as "256M".*, got "lots"$/],
    [wrong({ memory: "1K" }), /^m: "memory" must be a size .*from 1M to 2G.*, got "1K"$/],
    [wrong({ memory: 256 }), /^m: "memory" must be a size such as "256M", got 256$/],
    [wrong({ kernel: undefined }), /^m: "kernel" must be the path of the kernel in the image, it is missing$/],
    [wrong({ kernel: "" }), /^m: "kernel" must be .*, got ""$/],
    [wrong({ description: 5 }), /^m: "description" must be a line of text, got 5$/],
    [wrong({ disks: "disk.img" }), /^m: "disks" must be a list of paths in the image, got "disk.img"$/],
    [wrong({ disks: [1] }), /^m: "disks" must be a list of paths in the image, got \[1\]$/],
    [wrong({ commandLine: 1 }), /^m: "commandLine" must be one line of kernel options, got 1$/],
    [wrong({ exec: "'open" }), /^m: "exec": ' is not closed in: 'open$/],
    [wrong({ kernal: "x" }), /^m: unknown field "kernal"; known: format, /],
  ])("is refused with the field and its value: %s", (text, message) => {
    expect(() => parseManifest(text, "m")).toThrow(message);
  });
});
