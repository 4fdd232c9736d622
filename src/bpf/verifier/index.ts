/**
 * The BPF verifier: decides whether a program is safe to run, with the rules, error codes and log wording of Linux 6.1
 * (Documentation/bpf/verifier.rst), and prepares it for code generation.
 */
export type {
  InstructionFacts,
  MapDescriptor,
  Privileges,
  ProgramToVerify,
  Subprogram,
  VerifiedProgram,
  VerifierStatistics,
  VerifyResult,
} from "./interface.ts";
