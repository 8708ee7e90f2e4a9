// Two servers of one process, joined by an adapter, with the official JavaScript client on both.
import test, { after, describe } from "node:test";
import assert from "node:assert/strict";
import { lab } from "./support/lab.mjs";
import { closeClients, connected, kWays, once } from "./support/suites.mjs";
import { within } from "./support/wire.mjs";

const kTimeout = { timeout: 120_000 };

after(closeClients, kTimeout);

const ask = (socket, ...args) => within(socket.emitWithAck(...args), `an answer to ${args[0]}`);

/** One client on each of the two servers. */
async function pair(t, transports) {
  const first = await lab({ joined: true }, t);
  const port = await (await fetch(`${first.url}/__peer`)).json();
  const here = await connected(first, transports);
  const there = await connected({ url: first.url.replace(/:\d+$/, `:${port}`) }, transports);
  assert.equal(await ask(here, "mine"), "first");
  assert.equal(await ask(there, "mine"), "second");
  return { here, there };
}

for (const [way, transports] of Object.entries(kWays)) {
  describe(way, () => {
    test("broadcasts and their acknowledgements reach both servers", kTimeout, async (t) => {
      const { here, there } = await pair(t, transports);
      const all = [once(here, "all"), once(there, "all")];
      here.emit("tell", "", "all", "text", Buffer.from([1, 2, 3]), { deep: [Buffer.from([4])] });
      for (const args of await Promise.all(all))
        assert.deepEqual(args, ["text", Buffer.from([1, 2, 3]), { deep: [Buffer.from([4])] }]);
      assert.equal(await ask(there, "enter", "room"), true);
      here.once("room", () => assert.fail("it is not in the room"));
      const some = once(there, "room");
      here.emit("tell", "room", "room", 1);
      assert.deepEqual(await some, [1]);
      here.on("how many", (ack) => ack(1));
      there.on("how many", (ack) => ack(Buffer.from([2])));
      const answers = await ask(here, "count", "how many");
      assert.deepEqual(answers.map((one) => (typeof one === "number" ? one : one[0])).sort(), [1, 2]);
      closeClients();
    });

    test("sockets of the other server are found, told, and thrown out", kTimeout, async (t) => {
      const { here, there } = await pair(t, transports);
      await ask(there, "enter", "room");
      assert.deepEqual(await ask(here, "sockets", "room"),
                       [{ id: there.id, rooms: [there.id, "room"], data: { entered: "room" } }]);
      const heard = once(there, "psst");
      assert.equal(await ask(here, "whisper", there.id, "psst", 1, "two"), true);
      assert.deepEqual(await heard, [1, "two"]);
      assert.equal(await ask(here, "whisper", "nobody is called that", "psst"), "nobody");
      const gone = once(there, "disconnect");
      here.emit("throw out", "room");
      assert.equal((await gone)[0], "io server disconnect");
      assert.deepEqual(await ask(here, "sockets", "room"), []);
      closeClients();
    });
  });
}

test("the servers answer each other", kTimeout, async (t) => {
  const { here, there } = await pair(t, ["websocket"]);
  assert.deepEqual(await ask(here, "ask servers", 21), [{ server: "second", answer: 42 }]);
  assert.deepEqual(await ask(there, "ask servers", 4), [{ server: "first", answer: 8 }]);
  closeClients();
});
