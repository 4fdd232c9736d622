/** A client of the GDB remote serial protocol, as much of it as single steps of QEMU need. */
import { connect, type Socket } from "node:net";

export class GdbClient {
  readonly #socket: Socket;
  #received = "";
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (data) => {
      this.#received += data.toString("latin1");
      this.#wake();
    });
    socket.on("error", () => this.#wake());
    socket.on("close", () => this.#wake());
  }

  /** Connects to a UNIX socket, trying until the other side is there. */
  static async connect(path: string): Promise<GdbClient> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await new Promise((resolve, reject) => {
          const socket = connect(path, () => resolve(new GdbClient(socket)));
          socket.once("error", reject);
        });
      } catch (error) {
        if (attempt === 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** Sends a packet and returns the reply's payload, acknowledged. */
  async request(payload: string): Promise<string> {
    let sum = 0;
    for (const byte of Buffer.from(payload, "latin1")) sum = (sum + byte) & 0xff;
    this.#socket.write(`$${payload}#${sum.toString(16).padStart(2, "0")}`, "latin1");
    return this.#reply();
  }

  async #reply(): Promise<string> {
    for (;;) {
      const match = /\$([^#]*)#../.exec(this.#received);
      if (match !== null) {
        this.#received = this.#received.slice(match.index + match[0].length);
        this.#socket.write("+");
        return match[1] ?? "";
      }
      if (this.#socket.destroyed) throw new Error("QEMU has closed its GDB stub");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** A command of QEMU's monitor. */
  async monitor(command: string): Promise<void> {
    // What it prints comes before the reply.
    for (
      let reply = await this.request(`qRcmd,${Buffer.from(command).toString("hex")}`);
      reply.startsWith("O") && reply !== "OK";
    )
      reply = await this.#reply();
  }

  close(): void {
    this.#socket.destroy();
  }
}
