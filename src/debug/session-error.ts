/** Something that a script expected did not happen, or it asked for what is not there. */
export class SessionError extends Error {
  override readonly name = "SessionError";
}
