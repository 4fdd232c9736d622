/** Values of guest types as text, in the form of C initialisers: `{ .pid = 1, .comm = "init" }`. */
import type { BtfType } from "../bpf/btf.ts";
import type { Types, Value } from "./types.ts";

/** More elements of an array than these are not shown. */
const ELEMENTS = 16;
const INDENT = "  ";

const isCharacter = (types: Types, id: number): boolean => {
  const type = types.btf.resolve(id);
  return type.kind === "int" && type.size === 1 && /^(char|signed char)$/.test(type.name);
};

function formatPointer(value: Value, target: number): string {
  const pointer = value.value;
  if (pointer === 0n) return "NULL";
  const { types } = value;
  const hex = `0x${pointer.toString(16)}`;
  if (isCharacter(types, target)) {
    const text = types.memory.readString(pointer, 80);
    if (/^[\x20-\x7e\n\t]+$/.test(text)) return `${hex} ${JSON.stringify(text)}`;
  }
  const symbol = types.symbols.describe(pointer);
  return symbol === undefined ? hex : `${hex} <${symbol}>`;
}

function formatArray(value: Value, type: BtfType & { kind: "array" }, depth: number, indent: string): string {
  const { types } = value;
  if (isCharacter(types, type.type)) {
    const text = types.memory.readString(value.address, value.size);
    if (/^[\x20-\x7e\n\t]*$/.test(text)) return JSON.stringify(text);
  }
  if (type.count === 0) return "{}";
  if (value.bytes().every((byte) => byte === 0)) return "{ 0 }";
  const shown = Array.from({ length: Math.min(type.count, ELEMENTS) }, (_, index) =>
    format(value.at(index), depth - 1, indent),
  );
  return `{ ${shown.join(", ")}${type.count > ELEMENTS ? `, ... (${type.count})` : ""} }`;
}

function formatStructure(value: Value, depth: number, indent: string): string {
  if (depth <= 0) return "{ ... }";
  const inner = indent + INDENT;
  const lines = value.fields.map(({ name, value: field }) => `${inner}.${name} = ${format(field, depth - 1, inner)},`);
  return lines.length === 0 ? "{}" : `{\n${lines.join("\n")}\n${indent}}`;
}

function format(value: Value, depth: number, indent: string): string {
  const { types } = value;
  for (let id = value.typeId; ; ) {
    const type = types.btf.type(id);
    const printer = type.name === "" ? undefined : types.printers.get(type.name);
    if (printer !== undefined) return printer(value).replaceAll("\n", `\n${indent}`);
    if (!["typedef", "const", "volatile", "restrict", "type_tag"].includes(type.kind) || !("type" in type)) break;
    id = type.type;
  }
  const { type } = value;
  switch (type.kind) {
    case "int":
      if (type.bool) return value.value === 0n ? "false" : "true";
      return formatInteger(value.value);
    case "enum":
    case "enum64": {
      const number = value.value;
      return type.values.find((entry) => entry.value === number)?.name ?? String(number);
    }
    case "ptr":
      return formatPointer(value, type.type);
    case "array":
      return formatArray(value, type, depth, indent);
    case "struct":
    case "union":
      return formatStructure(value, depth, indent);
    default:
      return `(${value.typeName})`;
  }
}

/** Small numbers in decimal, large ones (addresses, masks) in hexadecimal. */
function formatInteger(value: bigint): string {
  return value > 0xffff_ffffn ? `0x${value.toString(16)}` : String(value);
}

/** See {@link Value.format}. */
export function formatValue(value: Value, depth: number): string {
  return format(value, depth, "");
}

/** How structures print that people know in another form. */
export const standardPrinters: ReadonlyMap<string, (value: Value) => string> = new Map([
  ["pt_regs", formatRegisters],
  ["list_head", formatList],
  ["atomic_t", (value: Value) => String(value.field("counter").value)],
  ["refcount_struct", (value: Value) => String(value.field("refs.counter").value)],
]);

function formatList(value: Value): string {
  const next = value.field("next").value;
  if (next === 0n) return "(not a list yet)";
  return next === value.address ? "(empty)" : `(next 0x${next.toString(16)})`;
}

/** As an oops prints them. */
function formatRegisters(value: Value): string {
  const register = (name: string): bigint => value.field(name).value;
  const hex = (name: string): string => register(name).toString(16).padStart(16, "0");
  const small = (name: string): string => register(name).toString(16).padStart(4, "0");
  const where = value.types.symbols.describe(register("ip"));
  const rows = [
    ["ax", "bx", "cx"],
    ["dx", "si", "di"],
    ["bp", "r8", "r9"],
    ["r10", "r11", "r12"],
    ["r13", "r14", "r15"],
  ];
  return [
    `RIP: ${small("cs")}:${where ?? hex("ip")}`,
    `RSP: ${small("ss")}:${hex("sp")} EFLAGS: ${register("flags").toString(16).padStart(8, "0")} ORIG_RAX: ${hex("orig_ax")}`,
    ...rows.map((row) =>
      row
        .map((name) => `${/^r/.test(name) ? name.toUpperCase().padEnd(3) : `R${name.toUpperCase()}`}: ${hex(name)}`)
        .join(" "),
    ),
  ].join("\n");
}
