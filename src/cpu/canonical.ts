/** Canonical addresses of 48 bits: bits 63 to 47 are all the same (AMD64 APM volume 2, 1.1.3). */
export const isCanonical = (address: bigint): boolean => BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
