// A well-behaved client beside an attack: says something every 50 ms, waits for the acknowledgement and notes how long it took.
// It must never be disconnected, and never miss an answer.
import net from "node:net";
import { frame } from "./attacks.mjs";

const kEvery = 50;

export class Chat {
  sent = 0;
  answered = 0;
  latencies = [];  // ms
  ended = null;
  #began = new Map();
  #got = Buffer.alloc(0);

  static async join(port) {
    const chat = new Chat(port);
    await chat.joined;
    return chat;
  }

  constructor(port) {
    this.socket = net.connect({ port, host: "127.0.0.1" });
    this.socket.setNoDelay(true);
    this.socket.write("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    this.socket.on("error", (error) => { this.ended ??= error.message; });
    this.socket.on("close", () => { this.ended ??= "closed"; });
    this.joined = new Promise((resolve, reject) => {
      this.onJoined = resolve;
      this.socket.once("close", () => reject(new Error("closed before it had joined")));
    });
    this.joined.catch(() => {});
    this.socket.on("data", (data) => this.#read(data));
  }

  #read(data) {
    this.#got = Buffer.concat([this.#got, data]);
    if (this.#got.subarray(0, 4).toString() === "HTTP") {
      const end = this.#got.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.#got = this.#got.subarray(end + 4);
    }
    while (this.#got.length >= 2) {
      const short = this.#got[1] & 127;
      const head = short < 126 ? 2 : 4;
      if (this.#got.length < head) return;
      const length = short < 126 ? short : this.#got.readUInt16BE(2);
      if (this.#got.length < head + length) return;
      this.#heard(this.#got.subarray(head, head + length).toString());
      this.#got = this.#got.subarray(head + length);
    }
  }

  #heard(packet) {
    if (packet.startsWith("0{")) return void this.socket.write(frame(1, "40"));
    if (packet === "2") return void this.socket.write(frame(1, "3"));
    if (packet.startsWith("40")) return this.onJoined();
    const [, id] = /^43(\d+)\[/.exec(packet) ?? [];
    if (id === undefined) return;
    ++this.answered;
    this.latencies.push(performance.now() - this.#began.get(id));
    this.#began.delete(id);
    if (this.#began.size === 0) this.onIdle?.();
  }

  say() {
    if (this.ended !== null) return;
    const id = String(++this.sent);
    this.#began.set(id, performance.now());
    this.socket.write(frame(1, `42${id}["m","hello"]`));
  }
  start() { this.timer = setInterval(() => this.say(), kEvery); }
  /** Stops talking; resolves when every answer has come, or the connection is gone. */
  async finish() {
    clearInterval(this.timer);
    if (this.#began.size > 0 && this.ended === null) await new Promise((resolve) => { this.onIdle = resolve; this.socket.once("close", resolve); });
  }
  leave() { this.socket.destroy(); }
  /** Latencies since the last call, sorted; what is unanswered has the age that it has reached. */
  take() {
    const now = performance.now();
    const ages = [...this.#began.values()].map((began) => now - began);
    return [...this.latencies.splice(0), ...ages].sort((a, b) => a - b);
  }
}
