/** Images for tests of sessions. Those that ask the kernel for its types need an image whose kernel carries them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { boot, kernelBtf, readBootSource, Session, type SessionOptions, Symbols } from "../../src/index.ts";
import type { BootOverrides } from "../../src/machine/boot/boot.ts";

/** Where images lie; another directory can be named, to test a kernel that is not checked in yet. */
const directory = process.env.ENOMEM_IMAGES ?? join(import.meta.dirname, "../../images");

export const imagePath = (name: string): string => join(directory, `${name}.bin`);

/** Whether the image's kernel carries type information. */
export async function hasTypes(name: string): Promise<boolean> {
  if (!existsSync(imagePath(name))) return false;
  return kernelBtf(boot(await readBootSource(imagePath(name))).elf) !== undefined;
}

export interface ImageSession {
  readonly session: Session;
  /** Lines of the session's log. */
  readonly lines: string[];
}

export async function openSession(
  name: string,
  overrides: BootOverrides = {},
  options: Partial<SessionOptions> = {},
): Promise<ImageSession> {
  const source = await readBootSource(imagePath(name));
  const { machine, elf } = boot(source, overrides);
  const lines: string[] = [];
  const session = await Session.create({
    machine,
    symbols: new Symbols(elf.symbols(), () => machine.bpfPrograms()),
    btf: kernelBtf(elf),
    root: source.root,
    log: (line) => lines.push(line),
    ...options,
  });
  return { session, lines };
}
