/**
 * Format strings of bpf_snprintf, which are known when a program is loaded and so refused then: the conversions that BPF knows, and one
 * argument for each of them. (bpf_bprintf_prepare)
 */

const ZERO = 0x30;
const NINE = 0x39;
const code = (character: string): number => character.charCodeAt(0);
const codes = (characters: string): ReadonlySet<number> => new Set([...characters].map(code));

const PERCENT = code("%");
const FLAGS = codes("0+- ");
const INTEGERS = codes("iduxX");
const KERNEL_ADDRESSES = codes("KxsSB");
const LATIN1_LETTERS_FROM = 0xc0;
const LATIN1_SIGNS = new Set([0xd7, 0xf7]);

const isSpace = (c: number): boolean => c === 0x20 || (c >= 9 && c <= 13) || c === 0xa0;
const isPrintable = (c: number): boolean => c >= 0x20 && c < 0x7f;
const isAlphanumeric = (c: number): boolean => /[0-9A-Za-z]/.test(String.fromCharCode(c));
/** Linux's table of characters is that of Latin 1. */
const isPunctuation = (c: number): boolean =>
  (c > 0x20 && c < 0x7f && !isAlphanumeric(c)) || (c > 0xa0 && c < LATIN1_LETTERS_FROM) || LATIN1_SIGNS.has(c);
const endsConversion = (c: number): boolean => c === 0 || isSpace(c) || isPunctuation(c);

/** Whether a string (without its end) is one that bpf_snprintf takes with so many arguments. */
export function isValidFormat(format: Uint8Array, argumentCount: number): boolean {
  const at = (index: number): number => format[index] ?? 0;
  let used = 0;
  for (let i = 0; i < format.length; i++) {
    if (at(i) < 0x80 && !isPrintable(at(i)) && !isSpace(at(i))) return false;
    if (at(i) !== PERCENT) continue;
    if (at(i + 1) === PERCENT) {
      i++;
      continue;
    }
    if (used >= argumentCount) return false;
    used++;
    i++;
    if (at(i) >= 0x80) return false;
    while (FLAGS.has(at(i))) i++;
    if (at(i) > ZERO && at(i) <= NINE) while (at(i) >= ZERO && at(i) <= NINE) i++;
    const length = conversionLength(at, i);
    if (length === undefined) return false;
    i += length - 1;
  }
  return true;
}

/** Characters of a conversion behind its flags and width. */
function conversionLength(at: (index: number) => number, i: number): number | undefined {
  const next = at(i + 1);
  switch (String.fromCharCode(at(i))) {
    case "p":
      if (endsConversion(next)) return 1;
      // %pks and %pus are strings of the kernel and of user space.
      if ((next === code("k") || next === code("u")) && at(i + 2) === code("s")) {
        return endsConversion(at(i + 3)) ? 3 : undefined;
      }
      if (KERNEL_ADDRESSES.has(next)) return 2;
      return (next === code("i") || next === code("I")) && (at(i + 2) === code("4") || at(i + 2) === code("6"))
        ? 3
        : undefined;
    case "s":
      return endsConversion(next) ? 1 : undefined;
    case "c":
      return 1;
    default: {
      let length = 0;
      while (length < 2 && at(i + length) === code("l")) length++;
      return INTEGERS.has(at(i + length)) ? length + 1 : undefined;
    }
  }
}
