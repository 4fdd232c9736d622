/** The command within this process, with what it prints. */
import { main } from "../../run.ts";

export interface Printed {
  readonly code: number;
  /** Standard output as text. */
  readonly out: string;
  readonly err: string;
}

/** Runs the command with these arguments. */
export async function runHere(...args: string[]): Promise<Printed> {
  const chunks: Buffer[] = [];
  let err = "";
  const code = await main(args, {
    // The machine may use the array again.
    stdout: (data) => chunks.push(Buffer.from(data)),
    stderr: (text) => {
      err += text;
    },
  });
  return { code, out: Buffer.concat(chunks).toString(), err };
}
