// Who may connect, and what Engine.IO's answers carry: each option of ServerOptions::engine and each hook of
// io.engine(), as seen by raw peers and by the official client.
import test, { after, describe } from "node:test";
import assert from "node:assert/strict";
import net from "node:net";
import { client, closeClients, connected, kTimeout, kWays, once } from "./support/suites.mjs";
import { lab } from "./support/lab.mjs";
import { kSocketPath, upgradeRequest } from "./support/raw.mjs";
import { Frames, openedSocket, Polling, pollingUrl, request, socketUrl, within } from "./support/wire.mjs";

after(closeClients);

const kOpen = "EIO=4&transport=polling";
const handshake = (server, query = "", options = {}) => request(pollingUrl(server, "/socket.io/", kOpen + query), options);
const sidOf = (answer) => JSON.parse(answer.body.slice(1).split("\x1e")[0]).sid;
const refusal = (code, message) => JSON.stringify({ code, message });
const upgraded = (frames) => within(new Promise((resolve) => frames.socket.once("upgrade", (response) => resolve(response.headers))), "the 101");
const errors = async (server) => (await server.log()).log.filter((entry) => "connection_error" in entry)
  .map(({ connection_error, code, context }) => ({ message: connection_error, code, context }));
/** A WebSocket that must be refused: how it ended. */
async function refusedSocket(server, query = "", path = "/socket.io/") {
  return new Frames(socketUrl(server, path, `EIO=4&transport=websocket${query}`)).gone();
}
/** Raw bytes on a connection of their own; resolves with all that came until the peer closed. */
function raw(server, text) {
  const socket = net.connect(server.port, "127.0.0.1");
  let got = "";
  const ended = within(new Promise((resolve) => { socket.on("close", () => resolve(got)); socket.on("error", () => {}); }), "the end of the connection");
  socket.on("data", (part) => { got += part.toString("latin1"); });
  socket.write(text);
  return { socket, ended, got: () => got };
}
const kForeignUpgrade = (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;

describe("verification", kTimeout, () => {
  // covers eio/server: verification › should disallow non-existent transports
  // covers eio/server: verification › should disallow `constructor` as transports
  // covers eio/server: verification › should disallow `__proto__` as transport (polling)
  // covers eio/server: verification › should disallow `__proto__` as transport (websocket)
  test("unknown transports", async (t) => {
    const server = await lab({}, t);
    for (const transport of ["tobi", "constructor", "__proto__"]) {
      const answer = await request(pollingUrl(server, "/socket.io/", `EIO=4&transport=${transport}`));
      assert.equal(answer.status, 400);
      assert.equal(answer.body, refusal(0, "Transport unknown"));
      assert.deepEqual(await errors(server), [{ message: "Transport unknown", code: 0, context: { transport } }]);
    }
    const how = await new Frames(socketUrl(server, "/socket.io/", "EIO=4&transport=__proto__")).gone();
    assert.deepEqual(how, { status: 400, body: "Transport unknown" });
  });

  // covers eio/server: verification › should disallow non-existent sids
  test("unknown ids", async (t) => {
    const server = await lab({}, t);
    const answer = await handshake(server, "&sid=test");
    assert.equal(answer.body, refusal(1, "Session ID unknown"));
    assert.deepEqual(await errors(server), [{ message: "Session ID unknown", code: 1, context: { sid: "test" } }]);
  });

  // covers eio/server: verification › should disallow requests that are rejected by `allowRequest`
  // covers eio/server: verification › should disallow connection that are rejected by `allowRequest` (ws)
  // covers sio/handshake: should disallow request if custom function in opts.allowRequest returns false
  test("allow_request says no", async (t) => {
    const server = await lab({ allow_request: true }, t);
    const no = await handshake(server, "&allow=no");
    assert.equal(no.status, 403);
    assert.equal(no.body, refusal(4, "Forbidden"));
    const why = await handshake(server, "&allow=why");
    assert.equal(why.status, 403);
    assert.equal(why.body, refusal(4, "Thou shan't pass"));
    assert.deepEqual(await refusedSocket(server, "&allow=why"), { status: 400, body: "Thou shan't pass" });
    assert.deepEqual((await errors(server)).map((error) => [error.code, error.message, error.context.message]),
      [[4, "Forbidden", "Forbidden"], [4, "Forbidden", "Thou shan't pass"], [4, "Forbidden", "Thou shan't pass"]]);
    const socket = client(server, ["websocket"], { query: { allow: "no" } });
    await once(socket, "connect_error");
  });

  // covers sio/handshake: should allow request if custom function in opts.allowRequest returns true
  test("allow_request says yes, at once or from another thread", async (t) => {
    const server = await lab({ allow_request: true }, t);
    for (const allow of ["yes", "later"]) {
      assert.equal((await handshake(server, `&allow=${allow}`)).status, 200);
      for (const ways of Object.values(kWays)) await connected(server, ways, { query: { allow } });
    }
  });

  test("allow_request throws, forgets, or never answers", async (t) => {
    const server = await lab({ allow_request: true, decision_timeout: 100 }, t);
    for (const allow of ["throw", "forget", "never"]) {
      assert.equal((await handshake(server, `&allow=${allow}`)).status, 403, allow);
      assert.deepEqual(await refusedSocket(server, `&allow=${allow}`), { status: 400, body: "Forbidden" });
    }
  });

  test("a client that leaves while it is decided upon takes nothing with it", async (t) => {
    const server = await lab({ allow_request: true, decision_timeout: 60_000 }, t);
    const waiting = raw(server, `GET /socket.io/?${kOpen}&allow=never HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.equal((await handshake(server)).status, 200);  // others are served meanwhile
    waiting.socket.destroy();
    await waiting.ended;
    assert.equal((await handshake(server)).status, 200);
  });

  // covers eio/server: should not throw when the client sends invalid data during the handshake (ws only)
  // covers eio/server: should not throw when the client sends invalid data during the handshake (upgrade)
  test("invalid data behind an upgrade ends that connection only", async (t) => {
    const server = await lab({ allow_request: true }, t);
    const polling = await Polling.open(server);
    for (const query of ["", "&allow=later", `&sid=${polling.sid}`]) {
      const peer = raw(server, Buffer.concat([Buffer.from(upgradeRequest(kSocketPath + query)), Buffer.from([0x81, 0x05, 0xff, 0xff, 0xff])]));
      assert.match(await peer.ended, /^HTTP\/1.1 101 /);
    }
    assert.equal((await handshake(server)).status, 200);
    assert.equal((await polling.post("40")).body, "ok");
  });

  // covers eio/server: verification › should prevent the client from upgrading twice
  test("a second upgrade is closed", async (t) => {
    const server = await lab({}, t);
    const polling = await Polling.open(server);
    const first = new Frames(polling.upgradeUrl, { pong: true });
    await first.opened;
    first.send("2probe");
    assert.equal(await first.next(), "3probe");
    first.send("5");
    first.send("40");
    assert.match(await first.next(), /^40/);
    await new Frames(polling.upgradeUrl).gone();
    first.send('42["echo",1]');
    assert.equal(await first.next(), '42["echo",1]');
    first.close();
  });
});

describe("handshake", kTimeout, () => {
  const cookieOf = async (t, cookie) => {
    const answer = await handshake(await lab({ cookie }, t));
    return answer.headers["set-cookie"]?.map((line) => line.replace(sidOf(answer), "SID"));
  };
  // covers eio/server: handshake › should send the io cookie
  // covers eio/server: handshake › should send the io cookie custom name
  // covers eio/server: handshake › should send the cookie with custom path
  // covers eio/server: handshake › should send the cookie with path=false
  // covers eio/server: handshake › should send the io cookie with httpOnly=true
  // covers eio/server: handshake › should send the io cookie with sameSite=strict
  // covers eio/server: handshake › should send the io cookie with httpOnly=false
  // covers eio/server: handshake › should not send the io cookie
  test("the cookie", async (t) => {
    assert.deepEqual(await cookieOf(t, true), ["io=SID; Path=/; HttpOnly; SameSite=Lax"]);
    assert.deepEqual(await cookieOf(t, { name: "woot" }), ["woot=SID; Path=/; HttpOnly; SameSite=Lax"]);
    assert.deepEqual(await cookieOf(t, { path: "/custom" }), ["io=SID; Path=/custom; HttpOnly; SameSite=Lax"]);
    assert.deepEqual(await cookieOf(t, { path: "" }), ["io=SID; HttpOnly; SameSite=Lax"]);
    assert.deepEqual(await cookieOf(t, { http_only: true }), ["io=SID; Path=/; HttpOnly; SameSite=Lax"]);
    assert.deepEqual(await cookieOf(t, { same_site: "strict" }), ["io=SID; Path=/; HttpOnly; SameSite=Strict"]);
    assert.deepEqual(await cookieOf(t, { http_only: false }), ["io=SID; Path=/; SameSite=Lax"]);
    assert.deepEqual(await cookieOf(t, { secure: true, same_site: "none", max_age: 10 }),
      ["io=SID; Max-Age=10; Path=/; HttpOnly; Secure; SameSite=None"]);
    assert.equal(await cookieOf(t, false), undefined);
  });

  test("the cookie comes with the polling handshake only", async (t) => {
    const server = await lab({ cookie: true }, t);
    const polling = await Polling.open(server);
    assert.equal((await polling.post("40")).headers["set-cookie"], undefined);
    assert.equal((await polling.get()).headers["set-cookie"], undefined);
    const frames = new Frames(socketUrl(server));
    assert.equal((await upgraded(frames))["set-cookie"], undefined);
    frames.close();
  });

  // covers eio/server: handshake › should register a new client
  test("clients are counted", async (t) => {
    const server = await lab({}, t);
    const count = async () => Number((await request(`${server.url}/__clients`)).body);
    assert.equal(await count(), 0);
    const frames = await openedSocket(server);
    const again = async (n) => { while (await count() !== n); };
    await within(again(1), "one client");
    frames.close();
    await within(again(0), "none");
  });

  // covers eio/server: handshake › should register a new client with custom id
  // covers eio/server: handshake › should register a new client with custom id (with a Promise)
  test("ids of one's own, on every way", async (t) => {
    const server = await lab({ generate_id: true, allow_request: true }, t);
    let n = 0;
    for (const [name, ways] of Object.entries(kWays)) {
      const id = `CustomId${Date.now()}-${n++}`;
      const socket = await connected(server, ways, { query: { id, allow: "later" } });
      assert.equal(socket.io.engine.id, id, name);
      assert.deepEqual(await socket.emitWithAck("echo", 1), 1);
      // In use: nobody else gets it.
      assert.equal((await handshake(server, `&id=${id}`)).body, refusal(3, "Bad request"));
      socket.disconnect();
    }
  });

  // covers eio/server: handshake › should disallow connection that are rejected by `generateId`
  // covers eio/server: handshake › should disallow connection that are rejected by `generateId` (websocket only)
  test("generate_id fails", async (t) => {
    const server = await lab({ generate_id: true }, t);
    const answer = await handshake(server, "&id=throw");
    assert.equal(answer.status, 400);
    assert.equal(answer.body, refusal(3, "Bad request"));
    assert.deepEqual(await refusedSocket(server, "&id=throw"), { status: 400, body: "Bad request" });
    const expected = { message: "Bad request", code: 3, context: { name: "ID_GENERATION_ERROR" } };
    assert.deepEqual(await errors(server), [expected, expected]);
  });

  // covers eio/server: handshake › should exchange handshake data
  // covers eio/server: handshake › should allow custom ping timeouts
  test("tells id, upgrades, times and limits", async (t) => {
    const server = await lab({ ping_timeout: 123_000, ping_interval: 7000 }, t);
    const { sid, ...rest } = (await Polling.open(server)).handshake;
    assert.match(sid, /^[\w-]{20}$/);
    assert.deepEqual(rest, { upgrades: ["websocket"], pingInterval: 7000, pingTimeout: 123_000, maxPayload: 1_000_000 });
  });

  // covers eio/server: handshake › should open with polling by default
  // covers eio/server: handshake › should be able to open with ws directly
  test("polling by default, WebSocket when asked", async (t) => {
    const server = await lab({}, t);
    const first = client(server, undefined);
    await once(first.io, "open");
    assert.equal(first.io.engine.transport.name, "polling");
    const second = await connected(server, ["websocket"]);
    assert.equal(second.io.engine.transport.name, "websocket");
  });

  // covers eio/server: handshake › should not suggest any upgrades for websocket
  // covers eio/server: handshake › should not suggest upgrades when none are available
  // covers eio/server: handshake › should only suggest available upgrades
  // covers eio/server: handshake › should suggest all upgrades when no transports are disabled
  test("upgrades that it suggests", async (t) => {
    const all = await lab({}, t);
    assert.deepEqual((await openedSocket(all)).handshake.upgrades, []);
    assert.deepEqual((await Polling.open(all)).handshake.upgrades, ["websocket"]);
    assert.deepEqual((await Polling.open(await lab({ websocket: false }, t))).handshake.upgrades, []);
    assert.deepEqual((await Polling.open(await lab({ allow_upgrades: false }, t))).handshake.upgrades, []);
  });

  // covers eio/server: handshake › default to polling when proxy doesn't support websocket
  test("an upgrade whose headers a proxy has dropped does no harm", async (t) => {
    const server = await lab({}, t);
    const polling = await Polling.open(server);
    const answer = await request(`${server.url}/socket.io/?EIO=4&transport=websocket&sid=${polling.sid}`);
    assert.equal(answer.body, refusal(3, "Bad request"));
    assert.equal((await polling.post("40")).body, "ok");
    assert.match(await polling.next(), /^40/);
  });

  // covers eio/server: handshake › should disallow invalid handshake method
  // covers eio/server: handshake › should disallow unsupported protocol versions
  test("wrong methods and versions", async (t) => {
    const server = await lab({}, t);
    assert.equal((await handshake(server, "", { method: "OPTIONS" })).body, refusal(2, "Bad handshake method"));
    assert.equal((await request(pollingUrl(server, "/socket.io/", "EIO=3&transport=polling"))).body, refusal(5, "Unsupported protocol version"));
    assert.deepEqual(await errors(server), [
      { message: "Bad handshake method", code: 2, context: { method: "OPTIONS" } },
      { message: "Unsupported protocol version", code: 5, context: { protocol: 3 } },
    ]);
  });

  // engine.io 6.6.11: not "hangs", as before.
  test("another version for a session of ours", async (t) => {
    const server = await lab({}, t);
    const polling = await Polling.open(server);
    const answer = await request(`${server.url}/socket.io/?EIO=3&transport=polling&sid=${polling.sid}`);
    assert.equal(answer.body, refusal(3, "Bad request"));
    assert.deepEqual(await errors(server),
      [{ message: "Bad request", code: 3, context: { name: "PROTOCOL_MISMATCH", protocol: 3, previousProtocol: 4 } }]);
    assert.equal((await polling.post("40")).body, "ok");
  });

  // covers eio/server: handshake › should send a packet along with the handshake
  test("the first packet", async (t) => {
    const server = await lab({ initial_packet: "faster!" }, t);
    assert.match((await handshake(server)).body, /^0\{.*\}\x1e4faster!$/);
    const frames = await openedSocket(server);
    assert.equal(await frames.next(), "4faster!");
    frames.close();
  });

  // covers eio/server: handshake › should support requests without trailing slash
  test("the path without its final slash", async (t) => {
    const query = `?${kOpen}`;
    const server = await lab({ add_trailing_slash: false }, t);
    for (const path of ["/socket.io", "/socket.io/", "/socket.io/foo/bar/"]) {
      assert.equal((await request(server.url + path + query)).status, 200, path);
    }
    const strict = await lab({}, t);
    assert.equal((await request(`${strict.url}/socket.io${query}`)).status, 404);
    assert.equal((await request(`${strict.url}/socket.io/foo/bar/${query}`)).status, 200);
    const socket = await connected(server, kWays["long polling, then WebSocket"], { path: "/socket.io", addTrailingSlash: false });
    assert.equal(await socket.emitWithAck("echo", 5), 5);
  });
});

describe("headers of answers", kTimeout, () => {
  // covers eio/server: should contain X-XSS-Protection: 0 for IE8
  // covers eio/server: should contain X-XSS-Protection: 0 for IE11
  test("old browsers are told not to mend what we send", async (t) => {
    const server = await lab({}, t);
    for (const agent of ["Mozilla/4.0 (compatible;MSIE 8.0; Windows NT 6.0)", "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko"]) {
      const answer = await handshake(server, "", { headers: { "user-agent": agent } });
      assert.equal(answer.headers["x-xss-protection"], "0");
      const { sid } = JSON.parse(answer.body.slice(1));
      const post = await request(`${server.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, { method: "POST", body: "40", headers: { "user-agent": agent } });
      assert.equal(`${post.body} ${post.headers["x-xss-protection"]}`, "ok 0");
    }
    assert.equal((await handshake(server)).headers["x-xss-protection"], undefined);
  });

  // covers eio/server: should include a 'cache-control' header
  test("nobody keeps them", async (t) => {
    const polling = await Polling.open(await lab({}, t));
    assert.equal((await polling.post("40")).headers["cache-control"], "no-store");
    assert.equal((await polling.get()).headers["cache-control"], "no-store");
  });

  // covers eio/server: should emit a 'initial_headers' event (polling)
  // covers eio/server: should emit a 'headers' event (polling)
  test("hooks, polling", async (t) => {
    const server = await lab({ cookie: true, initial_headers: { "X-First": "$n", "Set-Cookie": "mycookie=123" }, headers: { "X-Every": "$n" } }, t);
    const first = await handshake(server);
    assert.equal(first.headers["x-first"], "1");
    assert.equal(first.headers["x-every"], "1");
    assert.deepEqual(first.headers["set-cookie"], ["mycookie=123", `io=${sidOf(first)}; Path=/; HttpOnly; SameSite=Lax`]);
    const polling = new Polling(server, "/socket.io/", { sid: sidOf(first) });
    const post = await polling.post("40");
    assert.deepEqual([post.headers["x-first"], post.headers["x-every"]], [undefined, "2"]);
    const second = await polling.get();
    assert.deepEqual([second.headers["x-first"], second.headers["x-every"], second.headers["set-cookie"]], [undefined, "3", undefined]);
  });

  // covers eio/server: should emit a 'initial_headers' event (websocket)
  // covers eio/server: should emit a single 'initial_headers' event per connection
  // covers eio/server: should emit several 'headers' events per connection
  test("hooks, WebSocket and an upgrade", async (t) => {
    const server = await lab({ initial_headers: { "X-First": "$n" }, headers: { "X-Every": "$n" } }, t);
    const direct = new Frames(socketUrl(server));
    const headers = await upgraded(direct);
    assert.deepEqual([headers["x-first"], headers["x-every"]], ["1", "1"]);
    direct.close();
    const polling = await Polling.open(server);  // 2
    const upgrade = new Frames(polling.upgradeUrl);
    const later = await upgraded(upgrade);
    assert.deepEqual([later["x-first"], later["x-every"]], [undefined, "3"]);
    upgrade.close();
  });
});

describe("middlewares", kTimeout, () => {
  const kLabMiddlewares = [{ set: { "X-One": "1" } }, { later: true }, { add: { "Set-Cookie": "a=1" } }];

  // covers eio/middlewares: should apply middleware (polling)
  // covers eio/middlewares: should apply middleware (websocket)
  // covers eio/middlewares: should apply all middlewares in order
  // covers eio/middlewares: should work with express-session (polling)
  // covers eio/middlewares: should work with express-session (websocket)
  test("see every request in order, and set headers", async (t) => {
    const server = await lab({ middlewares: kLabMiddlewares, cookie: true }, t);
    const answer = await handshake(server);
    assert.equal(answer.headers["x-one"], "1");
    assert.deepEqual(answer.headers["set-cookie"], ["a=1", `io=${sidOf(answer)}; Path=/; HttpOnly; SameSite=Lax`]);
    const order = (await server.log()).log.filter((entry) => "middleware" in entry);
    assert.deepEqual(order.map((entry) => entry.middleware), [0, 1, 2]);
    assert.equal(order[0].url, `/socket.io/?${kOpen}`);
    const frames = new Frames(socketUrl(server));
    const headers = await upgraded(frames);
    assert.equal(headers["x-one"], "1");
    assert.deepEqual(headers["set-cookie"], ["a=1"]);
    frames.close();
    for (const ways of Object.values(kWays)) {
      const socket = await connected(server, ways);
      assert.deepEqual(await socket.emitWithAck("echo", Buffer.alloc(100_000)), Buffer.alloc(100_000));
      socket.disconnect();
    }
  });

  // What helmet sets for an answer without a page.
  // covers eio/middlewares: should work with helmet (polling)
  // covers eio/middlewares: should work with helmet (websocket)
  test("security headers", async (t) => {
    const set = { "Content-Security-Policy": "default-src 'self'", "Strict-Transport-Security": "max-age=15552000; includeSubDomains",
      "X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "X-DNS-Prefetch-Control": "off" };
    const server = await lab({ middlewares: [{ set }] }, t);
    const frames = new Frames(socketUrl(server));
    for (const headers of [await upgraded(frames), (await handshake(server)).headers]) {
      for (const [name, value] of Object.entries(set)) assert.equal(headers[name.toLowerCase()], value);
    }
    frames.close();
  });

  // covers eio/middlewares: should end the request (polling)
  // covers eio/middlewares: should end the request (websocket)
  test("end the request", async (t) => {
    const server = await lab({ middlewares: [{ end: 503 }, { fail: true }] }, t);
    assert.equal((await handshake(server)).status, 503);
    assert.deepEqual(await refusedSocket(server), { status: 503, body: "" });
    assert.deepEqual(await errors(server), []);
  });

  // covers eio/middlewares: should fail on errors (polling)
  // covers eio/middlewares: should fail on errors (websocket)
  test("fail", async (t) => {
    for (const how of [{ fail: true }, { throw: true }]) {
      const server = await lab({ middlewares: [how] }, t);
      const answer = await handshake(server);
      assert.equal(answer.status, 400);
      assert.equal(answer.body, refusal(3, "Bad request"));
      assert.deepEqual(await refusedSocket(server), { status: 400, body: "Bad request" });
      const expected = { message: "Bad request", code: 3, context: { name: "MIDDLEWARE_FAILURE" } };
      assert.deepEqual(await errors(server), [expected, expected]);
    }
  });

  // covers eio/middlewares: should not be receiving data when getting a message longer than maxHttpBufferSize when
  // polling (with a middleware)
  test("uploads that are too large", async (t) => {
    const server = await lab({ middlewares: [{ later: true }], max_http_buffer_size: 1000 }, t);
    const polling = await Polling.open(server);
    assert.equal((await polling.post("4".repeat(1001))).status, 413);
    assert.equal((await polling.post("40")).body, "ok");
  });
});

describe("requests outside the path", kTimeout, () => {
  // covers eio/engine.io: attach() › should attach engine to an http server
  // covers eio/engine.io: attach() › should preserve original request listeners
  test("are for the routes", async (t) => {
    const server = await lab({}, t);
    const answer = await request(`${server.url}/socket.io/`);
    assert.equal(answer.status, 400);
    assert.equal(answer.body, refusal(0, "Transport unknown"));
    assert.equal((await request(`${server.url}/taken`)).body, "use another protocol");
  });

  // covers eio/engine.io: should destroy upgrades not handled by engine
  test("upgrades that nobody takes are closed", async (t) => {
    const server = await lab({}, t);
    assert.match(await raw(server, kForeignUpgrade("/foreign")).ended, /^HTTP\/1.1 404 /);
  });

  // covers eio/engine.io: should not destroy unhandled upgrades with destroyUpgrade:false
  test("or kept, and serves the next request", async (t) => {
    const server = await lab({ destroy_upgrade: false }, t);
    const peer = raw(server, kForeignUpgrade("/foreign"));
    await within(once(peer.socket, "data"), "the first answer");
    peer.socket.write("GET /taken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert.match(await peer.ended, /^HTTP\/1.1 404 .*HTTP\/1.1 426 /s);
  });

  // covers eio/engine.io: should destroy unhandled upgrades with after a timeout
  // covers eio/engine.io: should not destroy handled upgrades with after a timeout
  test("a route has its time to take one", async (t) => {
    const server = await lab({ destroy_upgrade_timeout: 50 }, t);
    assert.equal(await raw(server, kForeignUpgrade("/slow")).ended, "");
    const taken = raw(server, kForeignUpgrade("/taken"));
    await within(once(taken.socket, "data"), "the route's answer");
    await raw(server, kForeignUpgrade("/slow")).ended;  // the time is over again
    taken.socket.write("GET /taken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert.match(await taken.ended, /^HTTP\/1.1 426 .*HTTP\/1.1 426 /s);
  });
});
