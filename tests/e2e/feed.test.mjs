// The example `feed`: a Socket.IO client and a plain WebSocket get the same prices from one server.
import test from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import { io } from "socket.io-client";
import WebSocket from "ws";
import { start } from "./support/server.mjs";

test("both kinds of clients get the price, and a late one the newest", { timeout: 120_000 }, async (t) => {
  const server = await start("feed");
  t.after(() => server.stop());
  const plain = new WebSocket(`${server.ws}/feed`, ["feed.v1"]);
  t.after(() => plain.terminate());
  await once(plain, "open");
  assert.equal(plain.protocol, "feed.v1");
  const socket = io(server.url, { forceNew: true });
  t.after(() => socket.close());
  await once(socket, "connect");

  const told = [once(plain, "message"), once(socket, "price")];
  const post = (body) => fetch(`${server.url}/price`, { method: "POST", body });
  assert.equal((await post("{}")).status, 400);
  assert.equal((await post('{"price":42}')).status, 200);
  const [[text], [price]] = await Promise.all(told);
  assert.equal(text.toString(), '{"price":42}');
  assert.equal(price, 42);

  const late = new WebSocket(`${server.ws}/feed`);
  t.after(() => late.terminate());
  const [newest] = await once(late, "message");
  assert.equal(newest.toString(), '{"price":42}');
  assert.match(await (await fetch(`${server.url}/`)).text(), /socket\.io\.js/);
  assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^socketio_plain_websockets 2$/m);
});

test("a port that is taken is said, and ends the program", { timeout: 120_000 }, async (t) => {
  const server = await start("feed");
  t.after(() => server.stop());
  await assert.rejects(start("feed", [], server.port), /before it listened:\nfeed: .*:\d+.*\n$/);
});
