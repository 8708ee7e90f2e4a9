// What all clients together may hold, reached by clients that each keep within their own limits: those who hold most are
// closed, what is held stays below the limit, a client that chats beside them gets every answer, and the memory comes back.
// bench/siege is the same with thousands of connections and with curves.
import test, { describe } from "node:test";
import assert from "node:assert/strict";
import { lab } from "./support/lab.mjs";
import { Raw, RawSocket, frame, http, joinedRaw, kSlack, kSocketPath, kText } from "./support/raw.mjs";
import { Polling, until } from "./support/wire.mjs";

const kTimeout = { timeout: 120_000 };
const kInput = 4_000_000;
const kOutput = 8_000_000;
const kOver = 1.2;  // of a limit: what may be held for a moment
const kOptions = { max_input_bytes: kInput, max_output_bytes: kOutput, send_queue_soft: 1_000_000, send_queue_hard: 2_000_000, max_connections: 1_000 };
const kHalf = Buffer.alloc(500_000, "x");

class Chat {
  n = 0;
  static async join(server) {
    const chat = new Chat();
    chat.socket = await joinedRaw(server);
    return chat;
  }
  async ask() {
    const n = ++this.n;
    await this.socket.send(frame(kText, `42${n}["echo",${n}]`));
    assert.equal(await this.socket.next("the chat's answer"), `43${n}[${n}]`);
  }
}

/** Opens attackers until `enough` of them have been shed; `open()` makes one, and resolves when it has sent what it sends. */
async function besiege(server, chat, limit, of, enough, open) {
  const attackers = [];
  for (let state = await server.log(); state.shed < enough; state = await server.log()) {
    assert(attackers.length < 500, `${state.shed} shed, ${state[of]} held by ${attackers.length}`);
    attackers.push(...await Promise.all(Array.from({ length: 5 }, open)));
    await chat.ask();
    assert((await server.log())[of] <= limit * kOver, `${of}: ${state[of]}`);
  }
  for (const one of attackers) one.close();
  await until(() => server.log(), (state) => state[of] <= 200_000 + kSlack, "the memory to come back");
  await chat.ask();
}

describe("siege", kTimeout, () => {
  const rows = [
    ["POSTs that stop at the half", kInput, "input", async (server) => {
      const polling = await Polling.open(server);
      const raw = await Raw.connect(server);
      raw.push(Buffer.concat([Buffer.from(http(`POST ${polling.url.slice(server.url.length)} HTTP/1.1`, ["Content-Length: 1000000"])), kHalf]));
      return raw;
    }],
    ["messages that stop at the half", kInput, "input", async (server) => {
      const socket = await RawSocket.open(server, kSocketPath);
      socket.raw.push(frame(kText, kHalf, { length: 1_000_000 }));
      return socket;
    }],
    ["attachments of which the last is not sent (S72)", kInput, "input", async (server) => {
      const socket = await joinedRaw(server);
      const hole = (num) => `{"_placeholder":true,"num":${num}}`;
      socket.raw.push(Buffer.concat([frame(kText, `453-["echo",${[0, 1, 2].map(hole)}]`), frame(2, kHalf.subarray(0, 200_000)), frame(2, kHalf.subarray(0, 200_000))]));
      return socket;
    }],
    ["answers that are never polled", kOutput, "output", async (server) => {
      const polling = await Polling.open(server);
      await polling.post("40");
      for (let i = 0; i < 2; ++i) await polling.post(Array(9).fill(`42["echo","${"x".repeat(100_000)}"]`).join("\x1e")).catch(() => {});
      return { close: () => polling.post("1").catch(() => {}) };
    }],
  ];
  for (const [what, limit, of, open] of rows) {
    test(what, async (t) => {
      const server = await lab(kOptions, t);
      const chat = await Chat.join(server);
      await besiege(server, chat, limit, of, 10, () => open(server));
      assert.equal((await server.log()).log.filter((entry) => entry.disconnect === "ping timeout").length, 0);
      chat.socket.close();
    });
  }
});
