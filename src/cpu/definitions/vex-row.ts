/** Opcode rows of AVX forms from those of SSE. */

/** The row of an AVX form: "66 0F 58" becomes "VEX.256.66.0F 58". */
export function vexRow(length: "128" | "256" | "LIG", opcode: string, w = ""): string {
  const bytes = opcode.split(" ");
  return `VEX.${length}.${bytes
    .slice(0, -1)
    .join("")
    .replace(/^(NP|66|F2|F3)/, "$1.")}${w && `.${w}`} ${bytes.at(-1)}`;
}
