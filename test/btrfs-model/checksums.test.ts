/** The four checksums against the published vectors of their specifications. */
import { expect, test } from "vitest";
import { checksumAlgorithms, nameHash, xxhash64 } from "../../src/btrfs-model/host/checksums.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const [crc32c, , sha256, blake2b] = checksumAlgorithms;

test("crc32c of 123456789 is the check value of RFC 3720's polynomial", () => {
  expect(hex(crc32c.compute(ascii("123456789")).reverse())).toBe("e3069283");
});

test("crc32c of 32 zero bytes, RFC 3720 B.4", () => {
  expect(hex(crc32c.compute(new Uint8Array(32)))).toBe("aa36918a");
});

test("xxHash64 of nothing and of one letter", () => {
  expect(xxhash64(ascii(""))).toBe(0xef46db3751d8e999n);
  expect(xxhash64(ascii("a"))).toBe(0xd24ec4f1a98c6e5bn);
});

test("SHA-256 of abc, FIPS 180-4", () => {
  expect(hex(sha256.compute(ascii("abc")))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("BLAKE2b-256 of abc", () => {
  expect(hex(blake2b.compute(ascii("abc")))).toBe("bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
});

test("the name hash of the default subvolume is the key that mkfs.btrfs stores", () => {
  expect(nameHash(ascii("default"))).toBe(2378154706);
});
