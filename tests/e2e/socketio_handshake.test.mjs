// What the official client sends with its handshake, seen by the server: the suite "client" tells it in full.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { conformance } from "./support/server.mjs";
import { client, kTimeout, kWays } from "./support/suites.mjs";
import { within } from "./support/wire.mjs";

let server;
before(async () => { server = await conformance("client"); }, kTimeout);
after(() => server.stop(), kTimeout);

/** The handshake that a client with these options is seen with; the namespace /abc emits it, the main one answers. */
async function handshake(transports, nsp, options) {
  const socket = client(server, transports, { nsp, ...options });
  const seen = new Promise((resolve, reject) => {
    socket.on("connect_error", reject);
    if (nsp.startsWith("/abc")) socket.on("handshake", resolve);
    else socket.emit("getHandshake", resolve);
  });
  const result = await within(seen, "the handshake");
  socket.disconnect();
  return result;
}

for (const [way, transports] of Object.entries(kWays)) {
  // covers sioc/socket: query option › should accept an object (default namespace)
  // covers sioc/socket: query option › should accept a query string (default namespace)
  // covers sioc/socket: query option › should accept an object
  // covers sioc/socket: query option › should accept a query string
  test(`${way}: a query, as an object or in the address`, kTimeout, async () => {
    for (const nsp of ["/", "/abc"]) {
      const { query } = await handshake(transports, nsp, { query: { e: "f" } });
      assert.equal(query.e, "f");
      assert.equal(query.EIO, "4");
      const other = await handshake(transports, `${nsp}?b=c&d=e`, {});
      assert.equal(other.query.b, "c");
      assert.equal(other.query.d, "e");
    }
  });

  // covers sioc/socket: query option › should properly encode the parameters
  test(`${way}: a query with characters that mean something`, kTimeout, async () => {
    const { query } = await handshake(transports, "/abc", { query: { "&a": "&=?a", "é ü": "+%20" } });
    assert.equal(query["&a"], "&=?a");
    assert.equal(query["é ü"], "+%20");
  });

  // covers sioc/socket: auth option › should accept an object
  // covers sioc/socket: auth option › should accept an function
  test(`${way}: auth, as an object or from a function`, kTimeout, async () => {
    const auth = { a: "b", c: { d: [1, null] } };
    for (const given of [auth, (tell) => tell(auth)]) {
      const seen = await handshake(transports, "/abc", { auth: given });
      assert.deepEqual(seen.auth, auth);
      assert.equal(seen.query.a, undefined);
    }
  });

  // covers sioc/socket: should fire an error event on middleware failure from custom namespace
  test(`${way}: a middleware's refusal`, kTimeout, async () => {
    for (const [nsp, text] of [["/no", "Auth failed (custom namespace)"], ["/?fail=true", "Auth failed (main namespace)"]]) {
      const socket = client(server, transports, { nsp });
      const error = await within(new Promise((resolve) => socket.on("connect_error", resolve)), "the refusal");
      assert.equal(error.message, text);
      socket.disconnect();
    }
  });
}
