/** A dialogue on the guest's console: a line is typed when the prompt is there, what comes before the next prompt is the answer. */
import type { RunLimits } from "../machine/machine.ts";
import type { Session } from "./session.ts";
import { SessionError } from "./session-error.ts";

/** How a dialogue is held. */
export interface DialogueOptions {
  /** What the program prints when it waits for a line: "# ". */
  readonly prompt: string | RegExp;
  /** False for a program whose terminal does not show what is typed. */
  readonly echo?: boolean;
}

/** A dialogue with one program of the guest; made by `session.dialogue()`. */
export class Dialogue {
  readonly #session: Session;
  readonly #options: DialogueOptions;
  #ready = false;

  constructor(session: Session, options: DialogueOptions) {
    this.#session = session;
    this.#options = options;
  }

  /** Runs until the prompt is there. Returns what was printed before it. */
  async ready(limits: RunLimits = {}): Promise<string> {
    const text = await this.#session.waitFor(this.#options.prompt, limits);
    this.#ready = true;
    return this.#withoutPrompt(text);
  }

  /** Types a line and returns what the program prints in answer, with newlines as the host has them. */
  async command(line: string, limits: RunLimits = {}): Promise<string> {
    if (/[\r\n]/.test(line)) throw new SessionError(`a command is one line, got ${JSON.stringify(line)}`);
    if (!this.#ready) await this.ready(limits);
    this.#session.type(`${line}\n`);
    if (this.#options.echo !== false) await this.#session.waitFor("\n", limits);
    return this.#withoutPrompt(await this.#session.waitFor(this.#options.prompt, limits));
  }

  /** Types a line and does not wait for an answer: for `exit`. */
  async send(line: string, limits: RunLimits = {}): Promise<void> {
    if (!this.#ready) await this.ready(limits);
    this.#ready = false;
    this.#session.type(`${line}\n`);
  }

  #withoutPrompt(text: string): string {
    const { prompt } = this.#options;
    const plain = text.replaceAll("\r\n", "\n");
    const at = typeof prompt === "string" ? plain.lastIndexOf(prompt) : plain.search(prompt);
    return at < 0 ? plain : plain.slice(0, at);
  }
}
