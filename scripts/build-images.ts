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
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { program } from "commander";
import { buildImage, IMAGE_FORMAT, type Manifest } from "../src/machine/image.ts";
import { RootFiles } from "../src/machine/initramfs.ts";

/** images/NAME/image.json: what the image is made of. */
interface Recipe {
  readonly description: string;
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
  const copy = join(build, "stripped", basename(path));
  mkdirSync(join(build, "stripped"), { recursive: true });
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

async function imageBytes(name: string): Promise<Uint8Array> {
  const directory = join(images, name);
  const recipe = JSON.parse(readFileSync(join(directory, "image.json"), "utf8")) as Recipe;
  const guest = new RootFiles();
  const files = new Map<string, Uint8Array>([["kernel.elf", stripped(join(build, "kernel", "kernel.elf"))]]);
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
  for (const disk of recipe.disks ?? []) files.set(basename(disk), readFileSync(join(directory, disk)));
  const console = join(directory, "console.txt");
  if (existsSync(console)) files.set("console.txt", readFileSync(console));
  const manifest: Manifest = {
    format: IMAGE_FORMAT,
    description: recipe.description,
    kernel: "kernel.elf",
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

/** Runs an image and writes its console to images/NAME/console.txt, with plain line ends. */
function recordConsole(name: string): void {
  const run = spawnSync("npx", ["tsx", join(root, "run.ts"), join(images, `${name}.bin`)], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`images/${name}.bin ends with ${run.status}\n${run.stdout}${run.stderr}`);
  writeFileSync(join(images, name, "console.txt"), run.stdout.replaceAll("\r\n", "\n"));
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
    const known = readdirSync(images).filter((name) => existsSync(join(images, name, "image.json")));
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined) {
      console.error(`npm run images: no image "${unknown}"; there are ${known.join(", ")}`);
      process.exit(1);
    }
    let differing = 0;
    for (const name of names.length ? names : known) {
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
