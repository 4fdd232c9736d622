/** A small WebAssembly encoder: expressions in, module bytes out. */
export * from "./expression.ts";
export { FunctionBuilder, type Label, type Signature } from "./function.ts";
export { encodeModule, type ModuleParts } from "./module.ts";
