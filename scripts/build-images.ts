/**
 * Builds the images under images/ from source: the kernel, user programs, BPF objects. Same sources and toolchain, same
 * bytes. Needs gcc, make, clang and libbpf-dev (Debian).
 *
 *   npm run images                    all of them
 *   npm run images -- NAME...         some
 *   npm run images -- --record        also runs each and keeps what it prints as images/NAME/console.txt
 *   npm run images -- --check         builds, and fails if what is checked in differs
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { gunzipSync } from "node:zlib";
import { program } from "commander";
import { makeDelta } from "../src/machine/delta.ts";
import { Disk } from "../src/machine/disk.ts";
import { buildImage, IMAGE_FORMAT, type Image, loadImage, type Manifest } from "../src/machine/image.ts";
import { RootFiles } from "../src/machine/initramfs.ts";

/** images/NAME/image.json: what the image is made of. */
interface Recipe {
  readonly description: string;
  /** Another image, which has the same kernel and perhaps disks: this one is kept without them. */
  readonly base?: string;
  readonly exec: string;
  /** Programs of src/kernel/user: `init` becomes /init, the others /bin/NAME. */
  readonly programs: readonly string[];
  /** C sources beside the recipe; NAME.bpf.c becomes /NAME.bpf.o. */
  readonly bpf?: readonly string[];
  /** Disk images, relative to the recipe. */
  readonly disks?: readonly string[];
  readonly memory?: string;
  readonly commandLine?: string;
  /** Further files: path in the guest -> path relative to the recipe. */
  readonly files?: Readonly<Record<string, string>>;
  /**
   * Bugs that can be planted in the kernel: for each there is an image NAME/BUG.bin, with a delta to this image's kernel, which runs
   * this program with the bug's name.
   */
  readonly planted?: { readonly exec: string; readonly bugs: readonly string[] };
}

const root = join(import.meta.dirname, "..");
const build = join(root, "build");
const images = join(root, "images");

function requireTool(tool: string, debianPackage: string): void {
  if (spawnSync(tool, ["--version"]).error) {
    console.error(`npm run images: ${tool} is missing (Debian package ${debianPackage})`);
    process.exit(1);
  }
}

/** A copy of an ELF file without its debug sections; the symbol table stays. */
function stripped(path: string): Uint8Array {
  const copy = join(build, "stripped", relative(build, path));
  mkdirSync(dirname(copy), { recursive: true });
  execFileSync("objcopy", ["--strip-debug", path, copy]);
  return readFileSync(copy);
}

/** Compiles a BPF C source to an object with BTF. */
function compileBpf(source: string): Uint8Array {
  const object = join(build, "bpf", basename(source).replace(/\.c$/, ".o"));
  mkdirSync(join(build, "bpf"), { recursive: true });
  const include = ["-idirafter", "/usr/include/x86_64-linux-gnu"];
  execFileSync("clang", [
    "-O2",
    "-g",
    "-target",
    "bpf",
    `-ffile-prefix-map=${root}=.`,
    ...include,
    "-c",
    source,
    "-o",
    object,
  ]);
  // Keep BTF and drop DWARF, as libbpf's users do.
  execFileSync("llvm-strip", ["-g", object]);
  return readFileSync(object);
}

function readRecipe(name: string): Recipe {
  return JSON.parse(readFileSync(join(images, name, "image.json"), "utf8")) as Recipe;
}

/** The text that a run of image NAME, or NAME/BUG, has to give. */
function consolePath(name: string): string {
  return join(images, name.includes("/") ? `${name}.txt` : `${name}/console.txt`);
}

/** An image whose kernel carries a bug: what differs from the image that it belongs to. */
async function plantedImageBytes(name: string, bug: string): Promise<Uint8Array> {
  const recipe = readRecipe(name);
  execFileSync("make", ["-s", "-C", join(root, "src/kernel"), `PLANT=${bug}`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const kernel = stripped(join(build, "kernel", "planted", bug, "kernel.elf"));
  const base = await loadImage(join(images, `${name}.bin`));
  const files = new Map([["kernel.delta", makeDelta(base.kernel, kernel)]]);
  const console = consolePath(`${name}/${bug}`);
  if (existsSync(console)) files.set(`${bug}.txt`, readFileSync(console));
  const manifest: Manifest = {
    format: IMAGE_FORMAT,
    description: `A kernel with a planted bug, ${bug}: silent without its fault, the symptom with it`,
    base: `../${name}.bin`,
    kernel: "kernel.delta",
    memory: recipe.memory ?? "128M",
    commandLine: recipe.commandLine ?? "console=ttyS0",
    exec: `${recipe.planted?.exec} ${bug}`,
    disks: (recipe.disks ?? []).map((disk) => basename(disk)),
    ...(files.has(`${bug}.txt`) && { expectedConsole: `${bug}.txt` }),
  };
  return buildImage({ manifest, files, root: new RootFiles() });
}

/** Whether an image has this disk, under its name and with its contents. */
async function hasDisk(image: Image, path: string): Promise<boolean> {
  const there = image.disks[image.manifest.disks.indexOf(basename(path))];
  return there !== undefined && isDeepStrictEqual(there.state(), (await Disk.fromFile(path)).state());
}

/** The bytes of image NAME, or NAME/BUG. */
async function imageBytes(name: string): Promise<Uint8Array> {
  const [ofImage, bug] = name.split("/");
  if (ofImage !== undefined && bug !== undefined) return plantedImageBytes(ofImage, bug);
  const directory = join(images, name);
  const recipe = readRecipe(name);
  const guest = new RootFiles();
  // As it is now, so that one image can be built without the others.
  const base = recipe.base === undefined ? undefined : await loadImage(join(images, `${recipe.base}.bin`));
  const kernel = stripped(join(build, "kernel", "kernel.elf"));
  const kernelName = base === undefined ? "kernel.elf" : "kernel.delta";
  const files = new Map([[kernelName, base === undefined ? kernel : makeDelta(base.kernel, kernel)]]);
  for (const directoryName of ["/bin", "/mnt", "/proc", "/sys", "/dev", "/tmp"])
    guest.set(directoryName, { kind: "directory", mode: 0o755 });
  for (const name of recipe.programs)
    guest.set(name === "init" ? "/init" : `/bin/${name}`, {
      kind: "file",
      data: stripped(join(build, "user", name)),
      mode: 0o755,
    });
  for (const source of recipe.bpf ?? [])
    guest.set(`/${source.replace(/\.c$/, ".o")}`, {
      kind: "file",
      data: compileBpf(join(directory, source)),
      mode: 0o644,
    });
  for (const [path, source] of Object.entries(recipe.files ?? {}))
    guest.set(path, { kind: "file", data: readFileSync(join(directory, source)), mode: 0o644 });
  for (const disk of recipe.disks ?? [])
    if (base === undefined || !(await hasDisk(base, join(directory, disk))))
      files.set(basename(disk), readFileSync(join(directory, disk)));
  const console = consolePath(name);
  if (existsSync(console)) files.set("console.txt", readFileSync(console));
  const manifest: Manifest = {
    format: IMAGE_FORMAT,
    description: recipe.description,
    ...(recipe.base !== undefined && { base: `${recipe.base}.bin` }),
    kernel: kernelName,
    memory: recipe.memory ?? "128M",
    commandLine: recipe.commandLine ?? "console=ttyS0",
    exec: recipe.exec,
    disks: (recipe.disks ?? []).map((disk) => basename(disk)),
    ...(files.has("console.txt") && { expectedConsole: "console.txt" }),
  };
  return buildImage({ manifest, files, root: guest });
}

/** Whether both images hold the same bytes; how the zlib of one Node release or another packs them is no difference. */
function sameContents(one: Uint8Array, other: Uint8Array): boolean {
  return gunzipSync(one).equals(gunzipSync(other));
}

/** Runs an image and keeps its console, with plain line ends. */
function recordConsole(name: string): void {
  const run = spawnSync("npx", ["tsx", join(root, "run.ts"), join(images, `${name}.bin`)], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`images/${name}.bin ends with ${run.status}\n${run.stdout}${run.stderr}`);
  writeFileSync(consolePath(name), run.stdout.replaceAll("\r\n", "\n"));
}

program
  .argument("[names...]", "images to build; all if none are named")
  .option("--record", "also run each image and keep its console output as what is expected")
  .option("--check", "compare with the checked-in images instead of writing them")
  .action(async (names: string[], options: { check?: boolean; record?: boolean }) => {
    requireTool("gcc", "gcc");
    requireTool("make", "make");
    requireTool("pahole", "dwarves");
    requireTool("clang", "clang");
    requireTool("llvm-strip", "llvm");
    execFileSync("make", ["-C", join(root, "src/kernel"), "-j2"], { stdio: "inherit" });
    execFileSync("make", ["-s", "-C", join(root, "src/kernel/user"), "-j2"], { stdio: "inherit" });
    const known = readdirSync(images)
      .filter((name) => existsSync(join(images, name, "image.json")))
      .flatMap((name) => [name, ...(readRecipe(name).planted?.bugs ?? []).map((bug) => `${name}/${bug}`)]);
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined) {
      console.error(`npm run images: no image "${unknown}"; there are ${known.join(", ")}`);
      process.exit(1);
    }
    let differing = 0;
    // What is kept as the difference to an image is built with it, and after it.
    const isNamed = (name: string): boolean => names.some((one) => `${name}/`.startsWith(`${one}/`));
    const baseOf = (name: string): string | undefined => readRecipe(name.split("/")[0] ?? name).base;
    const wanted = known
      .filter((name) => names.length === 0 || isNamed(name) || isNamed(baseOf(name) ?? ""))
      .sort((a, b) => Number(baseOf(a) !== undefined) - Number(baseOf(b) !== undefined));
    for (const name of wanted) {
      const path = join(images, `${name}.bin`);
      if (options.record) {
        writeFileSync(path, await imageBytes(name));
        recordConsole(name);
      }
      const bytes = await imageBytes(name);
      if (!options.check) {
        writeFileSync(path, bytes);
        console.log(`images/${name}.bin: ${bytes.length} bytes`);
      } else if (!existsSync(path) || !sameContents(readFileSync(path), bytes)) {
        console.error(`images/${name}.bin: not what its sources give`);
        differing++;
      }
    }
    process.exitCode = differing ? 1 : 0;
  });
await program.parseAsync();
