// The server inside loops that are not its own: the two embedding examples, with the official client.
import test, { after, before, describe } from "node:test";
import assert from "node:assert/strict";
import { start } from "./support/server.mjs";
import { closeClients, connected, kTimeout, kWays, once, settled } from "./support/suites.mjs";
import { within } from "./support/wire.mjs";

const ask = (socket, ...args) => within(socket.emitWithAck(...args), "an acknowledgement");

/** Ticks of the program's own clock, each one more than the last. */
async function ticks(socket, count) {
  const seen = [];
  await within(new Promise((resolve) => socket.on("tick", function count_up(n) {
    seen.push(n);
    if (seen.length === count) { socket.off("tick", count_up); resolve(); }
  })), `${count} ticks`);
  assert.deepEqual(seen, seen.map((_, i) => seen[0] + i));
}

const kPrograms = ["embedding_poll", "embedding_asio"];
const kBackends = ["epoll", "automatic"];  // the second is io_uring where the kernel allows it

for (const [program, backend] of kPrograms.flatMap((name) => kBackends.map((backend) => [name, backend]))) {
  const args = ["--backend", backend];
  describe(`${program}, ${backend}`, () => {
    let server;
    before(async () => { server = await start(program, args); }, kTimeout);
    after(async () => {
      closeClients();
      await server?.stop();
    }, kTimeout);

    for (const [way, transports] of Object.entries(kWays)) {
      test(`${way}: events and acknowledgements both ways, and the program's own clock`, kTimeout, async () => {
        const socket = await connected(server, transports);
        await settled(socket, transports);
        assert.equal(socket.io.engine.transport.name, transports.at(-1));
        assert.equal(await ask(socket, "echo", "hello 🚀"), "hello 🚀");
        socket.on("6 * 7", (answer) => answer(42));
        const said = once(socket, "you said");
        socket.emit("ask me");
        assert.deepEqual(await said, [42]);
        await ticks(socket, 3);
        socket.close();
      });
    }

    test("50 clients at once", kTimeout, async () => {
      const ways = Object.values(kWays);
      const sockets = await Promise.all(Array.from({ length: 50 }, (_, i) => connected(server, ways[i % 3])));
      const answers = sockets.map((socket, i) => ask(socket, "echo", `client ${i}`));
      assert.deepEqual(await Promise.all(answers), sockets.map((_, i) => `client ${i}`));
      const heard = await Promise.all(sockets.map((socket) => once(socket, "tick")));
      assert.equal(heard.length, 50);
      for (const socket of sockets) socket.close();
    });

    test("the program's clock goes on while clients keep the server busy", kTimeout, async () => {
      const sockets = await Promise.all(Array.from({ length: 8 }, () => connected(server, ["websocket"])));
      let flooding = true;
      const text = "x".repeat(1000);
      const floods = sockets.map(async (socket) => {
        while (flooding) await Promise.all(Array.from({ length: 50 }, () => ask(socket, "echo", text)));
      });
      await ticks(sockets[0], 10);
      flooding = false;
      await Promise.all(floods);
      for (const socket of sockets) socket.close();
    });

    if (program === "embedding_asio") {
      test("an answer from another thread wakes the loop", kTimeout, async () => {
        const socket = await connected(server, ["websocket"]);
        for (const n of [1, 10, 10_000_000]) assert.equal(await ask(socket, "sum to", n), (n * (n + 1)) / 2);
        socket.close();
      });
    }

    test("SIGTERM: clients are told, and the program ends", kTimeout, async () => {
      const own = await start(program, args);
      const sockets = [];
      for (const transports of Object.values(kWays)) {
        sockets.push(await connected(own, transports));
        await settled(sockets.at(-1), transports);
      }
      const gone = sockets.map((socket) => once(socket, "disconnect"));
      assert.deepEqual(await own.stop(), { code: 0, signal: null });
      const reasons = (await Promise.all(gone)).map(([reason]) => reason);
      // Polling may hear of it between two polls, when nobody listens any more.
      reasons.forEach((reason, i) => assert.match(reason, sockets[i].io.engine.transport.name === "polling" ? /^transport (close|error)$/ : /^transport close$/));
    });
  });
}
