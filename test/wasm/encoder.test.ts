import { describe, expect, it } from "vitest";
import { c32, c64, encodeModule, FunctionBuilder, i32, i64, load64, select } from "../../src/wasm/index.ts";
import { sleb32, sleb64, uleb } from "../../src/wasm/leb128.ts";

const signature = { params: ["i64", "i64"], results: ["i64"] } as const;

/** Compiles one function of two 64-bit integers. */
function compile(body: (f: FunctionBuilder) => void): (a: bigint, b: bigint) => bigint {
  const f = new FunctionBuilder(signature, "f");
  body(f);
  f.unreachable();
  const bytes = encodeModule({
    types: [signature],
    functionImports: [],
    memoryPages: 1,
    functions: [f],
    exports: [{ name: "f", function: 0 }],
  });
  const memory = new WebAssembly.Memory({ initial: 1 });
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports.f as (
    a: bigint,
    b: bigint,
  ) => bigint;
}

describe("LEB128", () => {
  it("encodes unsigned and signed integers", () => {
    expect(uleb(0)).toEqual([0]);
    expect(uleb(624485)).toEqual([0xe5, 0x8e, 0x26]);
    expect(sleb32(-123456)).toEqual([0xc0, 0xbb, 0x78]);
    expect(sleb32(64)).toEqual([0xc0, 0]);
    expect(sleb64(1n << 63n)).toEqual([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]);
  });
});

describe("WebAssembly encoder", () => {
  it("compiles arithmetic, constants and locals", () => {
    const f = compile((f) => {
      const sum = f.let(i64.add(f.param(0), i64.mul(f.param(1), c64(-7))));
      f.return(i64.xor(sum, c64(0x1234_5678_9abc_def0n)));
    });
    expect(f(1000n, 3n)).toBe(BigInt.asIntN(64, 979n ^ 0x1234_5678_9abc_def0n));
  });

  it("compiles loops, conditions and memory", () => {
    const f = compile((f) => {
      const i = f.local("i64");
      f.loop((again) => {
        f.store("i64", c32(0), i64.add(load64("i64", c32(0)), i), 16);
        f.store("i64", c32(0), load64("i64", c32(0), 16));
        f.set(i, i64.add(i, c64(1)));
        f.branchIf(i64.lt_u(i, f.param(0)), again);
      });
      f.if(
        i64.eqz(f.param(1)),
        () => f.return(load64("i64", c32(16))),
        () => f.return(c64(-1)),
      );
    });
    expect(f(10n, 0n)).toBe(45n);
    expect(f(10n, 1n)).toBe(-1n);
  });

  it("folds integer constants", () => {
    expect(i64.add(c64(2), c64(3)).constant).toBe(5n);
    expect(i32.and(c32(-1), c32(0xff)).constant).toBe(255n);
    const variable = new FunctionBuilder(signature, "f").param(0);
    expect(i64.add(variable, c64(0))).toBe(variable);
  });

  it("selects", () => {
    const f = compile((f) => f.return(select(f.param(0), f.param(1), i64.lt_s(f.param(0), f.param(1)))));
    expect(f(-5n, 3n)).toBe(-5n);
  });
});
