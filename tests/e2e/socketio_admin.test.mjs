// The admin UI's side of the server, as the page sees it: @socket.io/admin-ui's protocol, spoken by the official client.
import test, { describe } from "node:test";
import assert from "node:assert/strict";
import { io } from "socket.io-client";
import { lab } from "./support/lab.mjs";

const kTimeout = { timeout: 120_000 };
// bcrypt of "changeit", cost 4.
const kHash = "$2b$04$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2";
const kDate = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A client of a namespace, with everything it hears; it is closed when the test is over. */
function open(server, nsp, t, options = {}) {
  const socket = io(`${server.url}${nsp}`, { reconnection: false, forceNew: true, transports: ["websocket"], ...options });
  t.after(() => socket.close());
  socket.heard = [];
  socket.waiting = [];
  socket.onAny((...args) => {
    socket.heard.push(args);
    socket.waiting = socket.waiting.filter((look) => !look());
  });
  return socket;
}

const outcome = (socket) => new Promise((resolve) => {
  socket.once("connect", () => resolve("connected"));
  socket.once("connect_error", (error) => resolve(error.message));
});

async function connect(server, nsp, t, options) {
  const socket = open(server, nsp, t, options);
  assert.equal(await outcome(socket), "connected");
  return socket;
}

/** The first event of that name, past or to come, that fits. */
function heard(socket, name, fits = () => true) {
  return new Promise((resolve) => {
    const look = () => {
      const found = socket.heard.find(([event, ...args]) => event === name && fits(...args));
      if (found) resolve(found.slice(1));
      return found;
    };
    if (!look()) socket.waiting.push(look);
  });
}

describe("logging in", kTimeout, () => {
  for (const [how, secret] of [["a hash", { password_hash: kHash }], ["a password", { password: "changeit" }]]) {
    test(`with ${how}, then with the session's id`, async (t) => {
      const server = await lab({ admin: { username: "admin", ...secret } }, t);
      const admin = await connect(server, "/admin", t, { auth: { username: "admin", password: "changeit" } });
      const [sessionId] = await heard(admin, "session");
      assert.match(sessionId, /^[0-9a-f]{32}$/);
      const again = await connect(server, "/admin", t, { auth: { sessionId } });
      await heard(again, "config");
      assert.equal(again.heard.some(([name]) => name === "session"), false);
    });

    // hostile: A05, A14
    test(`with anything but ${how}`, async (t) => {
      const server = await lab({ admin: { username: "admin", ...secret, max_failed_logins: 100 } }, t);
      const long = "x".repeat(513);
      for (const auth of [
        {}, { username: "admin" }, { username: "admin", password: "" }, { username: "admin", password: "changeit " },
        { username: "Admin", password: "changeit" }, { username: ["admin"], password: { x: 1 } },
        { username: "admin", password: "changeit\0" }, { username: long, password: long },
        { username: "admin", password: "x".repeat(10_000) }, { sessionId: "0".repeat(32) },
        { sessionId: ["x"] }, { sessionId: null },
      ]) {
        const admin = open(server, "/admin", t, { auth });
        assert.equal(await outcome(admin), "invalid credentials", JSON.stringify(auth));
        assert.deepEqual(admin.heard, []);
        admin.close();
      }
    });
  }

  // hostile: A05
  test("an address that fails too often waits; who has a session does not", async (t) => {
    const server = await lab({ admin: { username: "admin", password: "changeit", max_failed_logins: 1 } }, t);
    const admin = await connect(server, "/admin", t, { auth: { username: "admin", password: "changeit" } });
    const [sessionId] = await heard(admin, "session");
    const wrong = () => open(server, "/admin", t, { auth: { username: "admin", password: "wrong" } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => outcome(wrong())));
    assert.deepEqual([...new Set(answers)].sort(), ["invalid credentials", "too many failed logins"]);
    await connect(server, "/admin", t, { auth: { sessionId } });
  });

  test("more hashes at once than allowed are not begun", async (t) => {
    const server = await lab({ admin: { username: "admin", password_hash: kHash, max_failed_logins: 1000, max_waiting_logins: 1 } }, t);
    const answers = await Promise.all(Array.from({ length: 40 }, () => outcome(open(server, "/admin", t, { auth: { username: "admin", password: "no" } }))));
    assert(answers.every((answer) => ["invalid credentials", "too many logins at once"].includes(answer)), answers.join());
    assert(answers.includes("invalid credentials"));
  });
});

describe("what is told", kTimeout, () => {
  test("the admin is told which features its options leave", async (t) => {
    const all = ["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT", "AGGREGATED_EVENTS", "ALL_EVENTS"];
    for (const [options, features] of [
      [{}, all], [{ readonly: true }, all.slice(7)], [{ production: true }, all.slice(0, 8)],
      [{ readonly: true, production: true, namespace_name: "/custom" }, all.slice(7, 8)],
    ]) {
      const server = await lab({ admin: options }, t);
      const admin = await connect(server, options.namespace_name ?? "/admin", t);
      assert.deepEqual((await heard(admin, "config"))[0], { supportedFeatures: features });
    }
  });

  test("the statistics", async (t) => {
    const server = await lab({ admin: { server_id: "one", stats_interval: 50 } }, t);
    const admin = await connect(server, "/admin", t);
    const client = await connect(server, "/", t, { transports: ["polling"] });
    client.emit("echo", 1);
    const [stats] = await heard(admin, "server_stats", (s) => s.pollingClientsCount === 1 && s.namespaces[0].socketsCount === 1);
    assert.equal(stats.serverId, "one");
    assert.equal(typeof stats.hostname, "string");
    assert.equal(typeof stats.pid, "number");
    assert.equal(typeof stats.uptime, "number");
    assert.equal(stats.clientsCount, 2);
    const names = stats.namespaces.map(({ name }) => name);
    for (const name of ["/", "/admin", "/chat"]) assert(names.includes(name), name);
    client.close();
    await heard(admin, "server_stats", (s) => s.clientsCount === 1);
    for (const type of ["rawConnection", "rawDisconnection", "packetsIn", "bytesIn", "packetsOut", "bytesOut"]) {
      const [with_type] = await heard(admin, "server_stats", (s) => s.aggregatedEvents.some((event) => event.type === type));
      const event = with_type.aggregatedEvents.find((one) => one.type === type);
      assert.equal(event.timestamp % 1000, 0);
      assert(event.count > 0);
      assert.equal(event.subType, type === "rawDisconnection" ? "transport close" : undefined);
    }
  });

  test("the sockets there are", async (t) => {
    const server = await lab({ admin: {} }, t);
    const client = await connect(server, "/", t, { query: { x: "y" }, extraHeaders: { cookie: "secret=1", authorization: "secret", "x-forwarded-for": "1.2.3.4" } });
    await client.emitWithAck("join", "room1");
    await client.emitWithAck("set data", { count: 1 });
    const admin = await connect(server, "/admin", t);
    const [all] = await heard(admin, "all_sockets");
    assert.deepEqual(all.map((socket) => socket.id).sort(), [admin.id, client.id].sort());
    const one = all.find((socket) => socket.id === client.id);
    assert.deepEqual(Object.keys(one).sort(), ["clientId", "data", "handshake", "id", "nsp", "rooms", "transport"]);
    assert.equal(one.clientId.length, 12);
    assert.equal(one.nsp, "/");
    assert.equal(one.transport, "websocket");
    assert.deepEqual(one.data, { count: 1 });
    assert.deepEqual(one.rooms.sort(), [client.id, "room1"].sort());
    assert.equal(one.handshake.address, "1.2.3.4");
    assert.equal(one.handshake.query.x, "y");
    assert.equal(one.handshake.secure, false);
    assert.equal(Math.abs(new Date(one.handshake.time).getTime() - one.handshake.issued) < 1000, true);
    assert.equal(JSON.stringify(all).includes("secret="), false);
    assert.equal(one.handshake.headers.authorization, undefined);
    assert.equal(JSON.stringify(all).includes(client.io.engine.id.slice(0, 12)), false);
  });

  test("the sockets of other servers", async (t) => {
    const server = await lab({ admin: {}, joined: true }, t);
    const peer = await (await fetch(`${server.url}/__peer`)).json();
    const here = await connect(server, "/", t);
    const there = await connect({ url: `http://127.0.0.1:${peer}` }, "/", t);
    const admin = await connect(server, "/admin", t);
    const [all] = await heard(admin, "all_sockets");
    const [own, other] = [here, there].map(({ id }) => all.find((socket) => socket.id === id));
    assert.equal(own.clientId.length, 12);
    assert.deepEqual(own.data, {});
    assert.deepEqual(other.rooms, [there.id]);
    assert.equal(other.nsp, "/");
    // What one server leaves for the others is in the data they see.
    const [seen] = (await there.emitWithAck("sockets", here.id));
    assert.deepEqual(seen?.data?._admin, { clientId: own.clientId, transport: "websocket" });
  });

  test("no more sockets than may be listed", async (t) => {
    const server = await lab({ admin: { max_listed_sockets: 2 } }, t);
    for (let i = 0; i < 3; ++i) await connect(server, "/", t);
    const admin = await connect(server, "/admin", t);
    assert.equal((await heard(admin, "all_sockets"))[0].length, 2);
  });

  test("a socket's life", async (t) => {
    const server = await lab({ admin: { max_event_bytes: 1000, stats_interval: 3_600_000 } }, t);
    const admin = await connect(server, "/admin", t);
    const client = await connect(server, "/", t, { transports: ["polling", "websocket"] });
    const { id } = client;
    const [shown, date] = await heard(admin, "socket_connected", (socket) => socket.id === id);
    assert.match(date, kDate);
    assert.equal(shown.nsp, "/");
    assert.deepEqual(shown.rooms, [id]);
    await heard(admin, "socket_updated", (change) => change.id === id && change.nsp === "/" && change.transport === "websocket");
    const data = { name: "x", tags: [1, 2] };
    client.emit("set data", data);
    const update = (name) => heard(admin, "socket_updated", (told) => told.id === id && told.data?.name === name);
    assert.deepEqual((await update("x"))[0], { id, nsp: "/", data });
    // Through the reference of data(); nothing is told when it is as before.
    client.emit("mark data", "name", "y");
    assert.deepEqual((await update("y"))[0], { id, nsp: "/", data: { ...data, name: "y" } });
    await client.emitWithAck("mark data", "name", "y");
    client.emit("mark data", "name", "z");
    assert.deepEqual((await update("z"))[0], { id, nsp: "/", data: { ...data, name: "z" } });
    assert.equal(admin.heard.filter(([event, told]) => event === "socket_updated" && told.id === id && told.data).length, 3);
    client.emit("join", "room1");
    assert.match((await heard(admin, "room_joined", (nsp, room, who) => nsp === "/" && room === "room1" && who === id))[3], kDate);
    client.emit("leave", "room1");
    assert.match((await heard(admin, "room_left", (nsp, room, who) => nsp === "/" && room === "room1" && who === id))[3], kDate);

    client.emit("echo", 1, "2", { 3: [4] });
    for (const event of ["event_received", "event_sent"]) {
      const [nsp, who, , when] = await heard(admin, event, (...[, , args]) => JSON.stringify(args) === JSON.stringify(["echo", 1, "2", { 3: [4] }]));
      assert.equal(nsp, "/");
      assert.equal(who, id);
      assert.match(when, kDate);
    }
    client.emit("echo", Buffer.from([1, 2, 3]));
    const [, , binary] = await heard(admin, "event_received", (nsp, who, args) => Buffer.isBuffer(args[1]));
    assert.deepEqual([...binary[1]], [1, 2, 3]);
    client.emit("no arguments");
    await heard(admin, "event_received", (nsp, who, args) => args.length === 1 && args[0] === "no arguments");
    // Without the acknowledgement.
    assert.deepEqual(await client.emitWithAck("echo", "ack"), "ack");
    await heard(admin, "event_received", (nsp, who, args) => args.length === 2 && args[1] === "ack");
    client.emit("echo", "x".repeat(999));  // and its quotes: one too many
    const [, , cut] = await heard(admin, "event_received", (nsp, who, args) => /not shown/.test(args[1]));
    assert.deepEqual(cut.slice(0, 1), ["echo"]);

    client.close();
    const [nsp, , reason, when] = await heard(admin, "socket_disconnected", (n, who) => who === id);
    assert.equal(nsp, "/");
    assert(["client namespace disconnect", "transport close"].includes(reason), reason);
    assert.match(when, kDate);
    assert.equal(admin.heard.some(([name, where]) => /^event_/.test(name) && where === "/admin"), false);
  });

  test("in production, numbers only", async (t) => {
    const server = await lab({ admin: { production: true, stats_interval: 50 } }, t);
    const admin = await connect(server, "/admin", t);
    const client = await connect(server, "/", t);
    await client.emitWithAck("join", "room1");
    await client.emitWithAck("echo", 1);
    await heard(admin, "server_stats", (s) => s.clientsCount === 2);
    assert.deepEqual([...new Set(admin.heard.map(([name]) => name))].sort(), ["config", "server_stats"]);
  });
});

describe("commands", kTimeout, () => {
  const rooms = async (client) => (await client.emitWithAck("join", "probe")).filter((room) => room !== client.id && room !== "probe").sort();

  test("emit, join, leave, disconnect", async (t) => {
    const server = await lab({ admin: {} }, t);
    const admin = await connect(server, "/admin", t);
    const [a, b] = [await connect(server, "/", t), await connect(server, "/", t)];
    admin.emit("join", "/", ["r1", "r2"], a.id);
    admin.emit("join", "/", "r3");
    admin.emit("leave", "/", "r2", a.id);
    admin.emit("emit", "/", "r1", "hello", 1, "2");
    assert.deepEqual(await heard(a, "hello"), [1, "2"]);
    admin.emit("emit", "/", undefined, "all", { x: 1 });
    assert.deepEqual(await heard(a, "all"), [{ x: 1 }]);
    assert.deepEqual(await heard(b, "all"), [{ x: 1 }]);
    assert.equal(b.heard.some(([name]) => name === "hello"), false);
    assert.deepEqual(await rooms(a), ["r1", "r3"]);
    assert.deepEqual(await rooms(b), ["r3"]);
    const gone = new Promise((resolve) => a.once("disconnect", resolve));
    admin.emit("_disconnect", "/", false, a.id);
    assert.equal(await gone, "io server disconnect");
    const closed = new Promise((resolve) => b.once("disconnect", resolve));
    admin.emit("_disconnect", "/", true);
    assert.match(await closed, /io server disconnect|transport close/);
  });

  // hostile: A06, A07, A08
  test("what makes no sense does nothing", async (t) => {
    const server = await lab({ admin: {} }, t);
    const admin = await connect(server, "/admin", t);
    const client = await connect(server, "/", t);
    const many = Array.from({ length: 1001 }, (_, i) => `r${i}`);
    for (const args of [
      ["emit"], ["emit", "/"], ["emit", "/", null, 5], ["emit", "/", null, "connect"], ["emit", "/", null, "disconnecting", 1],
      ["emit", "/nobody", null, "x"], ["emit", 5, null, "x"], ["emit", "/", { a: 1 }, "x"], ["emit", "/", ["r"], "x"],
      ["join"], ["join", "/"], ["join", "/", 5], ["join", "/", ["a", 5]], ["join", "/", many], ["join", "/", "a", 5], ["join", "/new", "a"],
      ["leave"], ["leave", "/", { a: 1 }], ["_disconnect"], ["_disconnect", "/nobody", true], ["_disconnect", "/", true, 5],
    ]) admin.emit(...args);
    admin.emit("emit", "/", null, "last");
    await heard(client, "last");
    assert.deepEqual(client.heard, [["last"]]);
    assert.deepEqual(await rooms(client), []);
    admin.emit("join", "/", many.slice(1));
    admin.emit("emit", "/", "r1000", "all of them");
    await heard(client, "all of them");
    // No namespace has come into being.
    const strange = open(server, "/new", t);
    assert.equal(await outcome(strange), "Invalid namespace");
  });

  // hostile: A06b, A07b
  test("a command beyond the size of messages ends the admin, and nobody else", async (t) => {
    const server = await lab({ admin: {} }, t);
    const client = await connect(server, "/", t);
    for (const args of [["emit", "/", null, "x".repeat(1_000_000)], ["join", "/", Array.from({ length: 1_000_000 }, (_, i) => i)]]) {
      const admin = await connect(server, "/admin", t);
      const closed = new Promise((resolve) => admin.once("disconnect", (reason, { context }) => resolve([reason, context.code])));
      admin.emit(...args);
      assert.deepEqual(await closed, ["transport close", 1009]);
    }
    assert.equal(await client.emitWithAck("echo", "still here"), "still here");
    assert.deepEqual(client.heard, []);
    assert.deepEqual(await rooms(client), []);
  });

  test("none of them when readonly", async (t) => {
    const server = await lab({ admin: { readonly: true, stats_interval: 50 } }, t);
    const admin = await connect(server, "/admin", t);
    const client = await connect(server, "/", t);
    admin.emit("emit", "/", null, "x");
    admin.emit("join", "/", "r");
    admin.emit("_disconnect", "/", true);
    // On the same connection, behind them.
    const behind = admin.io.socket("/");
    assert.equal(await behind.emitWithAck("echo", "done"), "done");
    assert.deepEqual(await rooms(client), []);
    assert.deepEqual(client.heard, []);
  });
});
