/**
 * Runs once before all tests: brings the kernel and its user programs up to date, if the host has what that takes, so
 * that test files, which run side by side, find them built.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { missingForGuest } from "./kernel/guest.ts";

export default function buildGuest(): void {
  const missing = missingForGuest();
  if (missing !== undefined) {
    console.log(`tests that build guests are skipped: ${missing} missing`);
    return;
  }
  for (const part of ["src/kernel", "src/kernel/user"])
    execFileSync("make", ["-s", "-j2", "-C", join(import.meta.dirname, "..", part)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
}
