// nginx and HAProxy, configured as docs/guide/08-deploying.md says, between the official JavaScript client and the server.
import test, { after, describe } from "node:test";
import assert from "node:assert/strict";
import { Authority } from "./support/certificates.mjs";
import { lab } from "./support/lab.mjs";
import { kProxyNames, proxy } from "./support/proxies.mjs";
import { quietPort } from "./support/server.mjs";
import { closeClients, connected, kTimeout, kWays, once, settled } from "./support/suites.mjs";
import { Frames, request, within } from "./support/wire.mjs";

after(closeClients);

const ask = (socket, ...args) => within(socket.emitWithAck(...args), "an acknowledgement");
const forwarded = async (socket, header = "x-forwarded-for") => (await ask(socket, "handshake", header)).header;

/** Both directions, with and without acknowledgement, text and binary. */
async function converses(socket) {
  const values = ["text ☃", 1.5, { nested: [null, true] }];
  assert.deepEqual(await ask(socket, "echo", values), values);
  const bytes = Buffer.alloc(200_000, "0123456789");  // more than either proxy keeps in one buffer
  assert.deepEqual(await ask(socket, "echo", { bytes }), { bytes });
  const answer = once(socket, "echo", "the echo");
  socket.emit("echo", "event", bytes);
  assert.deepEqual(await answer, ["event", bytes]);
}

/** A client for each of kWays. */
const everyWay = (front, options) => Promise.all(Object.values(kWays).map(async (transports) => {
  const socket = await connected(front, transports, options);
  await settled(socket, transports);
  return socket;
}));

for (const name of kProxyNames) {
  describe(name, { concurrency: 4 }, () => {
    for (const [way, transports] of Object.entries(kWays)) {
      test(`${way}: events, acknowledgements, binary, the client's address`, kTimeout, async (t) => {
        const front = await proxy(name, await lab({}, t), t);
        const socket = await connected(front, transports);
        await settled(socket, transports);
        assert.equal(socket.io.engine.transport.name, transports.at(-1));
        await converses(socket);
        assert.equal(await forwarded(socket), "127.0.0.1");
        socket.disconnect();
      });

      test(`${way}: TLS ends at the proxy`, kTimeout, async (t) => {
        const authority = new Authority("Test Authority");
        const certificate = authority.issue("localhost", { names: ["IP:127.0.0.1"] });
        const front = await proxy(name, await lab({}, t), t, { certificate });
        const socket = await connected(front, transports, { ca: authority.certificate });
        await settled(socket, transports);
        await converses(socket);
        assert.equal(await forwarded(socket, "x-forwarded-proto"), "https");
        socket.disconnect();
      });
    }

    test("the server ends and comes back", kTimeout, async (t) => {
      let server = await lab({}, undefined, await quietPort());
      t.after(() => server.stop());
      const front = await proxy(name, server, t);
      const sockets = await everyWay(front, { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 50 });
      const ids = sockets.map(({ id }) => id);
      const lost = sockets.map((socket) => once(socket, "disconnect"));
      const failed = sockets.map((socket) => once(socket.io, "reconnect_error"));
      await server.kill();
      await Promise.all(lost);
      assert.equal((await request(`${front.url}/early`)).status, front.away);
      await Promise.all(failed);
      const back = sockets.map((socket) => once(socket, "connect"));
      server = await server.again();
      await Promise.all(back);
      for (const [i, socket] of sockets.entries()) {
        assert.notEqual(socket.id, ids[i]);
        assert.equal(await ask(socket, "echo", "again"), "again");
        socket.disconnect();
      }
    });

    test("pings keep idle connections longer than the proxy would", kTimeout, async (t) => {
      const front = await proxy(name, await lab({ ping_interval: 200, ping_timeout: 60_000 }, t), t, { timeout: "10s" });
      await Promise.all((await everyWay(front)).map(async (socket) => {
        let lost;
        socket.on("disconnect", (reason) => { lost = reason; });
        for (let pings = 0; pings < 55; ++pings) await once(socket.io, "ping", `a ping (disconnected: ${lost})`);  // 11 s at least
        assert.equal(lost, undefined);
        assert.equal(await ask(socket, "echo", "alive"), "alive");
        socket.disconnect();
      }));
    });

    test("a proxy that waits less than a ping ends idle connections", kTimeout, async (t) => {
      const front = await proxy(name, await lab({}, t), t, { timeout: "5s" });
      await Promise.all(Object.values(kWays).map(async (transports) => {
        const socket = await connected(front, transports);
        assert.match((await once(socket, "disconnect"))[0], /^transport (close|error)$/);
      }));
    });

    test("an address that the client claims to have is dropped", kTimeout, async (t) => {
      const front = await proxy(name, await lab({}, t), t);
      const socket = await connected(front, ["websocket"], { extraHeaders: { "X-Forwarded-For": "192.0.2.1" } });
      assert.equal(await forwarded(socket), "127.0.0.1");
      socket.disconnect();
    });

    test("plain HTTP and WebSocket routes", kTimeout, async (t) => {
      const front = await proxy(name, await lab({}, t), t);
      assert.deepEqual(await request(`${front.url}/early`).then(({ status, body }) => ({ status, body })), { status: 200, body: "a page" });
      assert.equal((await request(`${front.url}/nothing`)).status, 404);
      const frames = new Frames(`${front.ws}/early`);
      assert.equal(await frames.next(), "early");
      frames.close();
    });
  });
}
