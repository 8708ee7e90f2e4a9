// Connection state recovery: the reference's own tests on the wire, over both transports, and the official client that
// loses its connection.
import test, { after, describe } from "node:test";
import assert from "node:assert/strict";
import { lab } from "./support/lab.mjs";
import { closeClients, connected, once } from "./support/suites.mjs";
import { Log, openedSocket, Polling, request, until, within } from "./support/wire.mjs";

const kTimeout = { timeout: 120_000 };
const kOn = { connection_state_recovery: {} };
after(closeClients);

const emit = async (server, event, args = [], to = {}) =>
  JSON.parse((await request(`${server.url}/__emit`, { method: "POST", body: JSON.stringify({ event, args, ...to }) })).body);
const stats = async (server) => JSON.parse((await request(`${server.url}/__recovery`)).body);
/** No socket is left that an emit would still reach: the session is kept. */
const kept = (server) => until(() => stats(server), (s) => s.sessions === 1, "a kept session");

// --- on the wire ------------------------------------------------------------------------------------------------------

/** The two transports, alike for these tests. */
const kTransports = {
  polling: {
    async open(server) {
      const polling = await Polling.open(server);
      return { send: (packet) => polling.post(packet), next: () => polling.next(), close: () => polling.post("1") };
    },
  },
  websocket: {
    async open(server) {
      const frames = await openedSocket(server);
      return { send: (packet) => frames.send(packet), next: () => frames.next(), close: () => frames.close() };
    },
  },
};

const parse = (packet) => JSON.parse(packet.slice(packet.search(/[[{]/)));
const connect = async (peer, auth) => {
  await peer.send(auth === undefined ? "40" : `40${JSON.stringify(auth)}`);
  return parse(await peer.next());
};
/** A call with an acknowledgement. */
async function ask(peer, ...args) {
  await peer.send(`427${JSON.stringify(args)}`);
  return parse(await peer.next())[0];
}

/** As in the reference's tests: a session that has got one event, and whose connection is gone. */
async function lost(server, transport, prepare = async () => {}) {
  const peer = await transport.open(server);
  const { sid, pid } = await connect(peer);
  assert.match(pid, /^[\w-]{20}$/);
  assert.notEqual(pid, sid);
  await prepare(peer);
  await emit(server, "hello");
  const hello = await peer.next();
  assert(hello.startsWith('42["hello"'), hello);
  const offset = parse(hello)[1];
  assert.equal(typeof offset, "string");
  await peer.close();
  await kept(server);
  return { sid, pid, offset };
}

for (const [name, transport] of Object.entries(kTransports)) {
  describe(`${name}, raw`, () => {
    // covers sio/connection-state-recovery: should restore session and missed packets
    test("missed packets come first, then CONNECT with the same ids", kTimeout, async (t) => {
      const server = await lab(kOn, t);
      const { sid, pid, offset } = await lost(server, transport, (peer) => ask(peer, "join", "room1"));
      assert(await emit(server, "hello1"));
      assert(await emit(server, "hello2", [], { room: "room1" }));
      assert(await emit(server, "hello3", [], { socket: sid }));
      assert(await emit(server, "not for it", [], { room: "room2" }));
      const peer = await transport.open(server);
      await peer.send(`40${JSON.stringify({ pid, offset })}`);
      const offsets = [];
      for (const event of ["hello1", "hello2", "hello3"]) {
        const [got, at] = parse(await peer.next());
        assert.equal(got, event);
        offsets.push(at);
      }
      assert.equal(new Set([offset, ...offsets]).size, 4);
      assert.equal(await peer.next(), `40{"sid":"${sid}","pid":"${pid}"}`);
      await emit(server, "live", [1]);
      assert.deepEqual(parse(await peer.next()).slice(0, 2), ["live", 1]);
      await peer.close();
    });

    // covers sio/connection-state-recovery: should restore rooms and data attributes
    test("rooms and data are there again", kTimeout, async (t) => {
      const server = await lab(kOn, t);
      const { sid, pid, offset } = await lost(server, transport, async (peer) => {
        assert.equal((await ask(peer, "state")).recovered, false);
        await ask(peer, "join", "room1");
        await ask(peer, "join", "room2");
        await ask(peer, "remember", "bar");
      });
      const peer = await transport.open(server);
      assert.deepEqual(await connect(peer, { pid, offset }), { sid, pid });
      const state = await ask(peer, "state");
      assert.deepEqual({ ...state, rooms: state.rooms.sort() }, { id: sid, recovered: true, rooms: [sid, "room1", "room2"].sort(), data: "bar" });
      await peer.close();
    });

    // covers sio/connection-state-recovery: should not run middlewares upon recovery by default
    // covers sio/connection-state-recovery: should run middlewares even upon recovery
    for (const skip of [true, false]) {
      test(`skip_middlewares ${skip}`, kTimeout, async (t) => {
        const server = await lab({ connection_state_recovery: { skip_middlewares: skip }, recovery_middleware: true }, t);
        const { sid, pid, offset } = await lost(server, transport);
        const log = new Log(server);
        await log.clear();
        await emit(server, "missed");
        const peer = await transport.open(server);
        await peer.send(`40${JSON.stringify({ pid, offset })}`);
        assert.equal(parse(await peer.next())[0], "missed");
        assert.deepEqual(parse(await peer.next()), { sid, pid });
        assert.equal((await ask(peer, "state")).recovered, true);
        await log.read();
        const ran = log.entries.filter((entry) => "middleware" in entry);
        assert.deepEqual(ran, skip ? [] : [{ middleware: sid, recovered: true }]);
        await peer.close();
      });
    }

    // covers sio/connection-state-recovery: should fail to restore an unknown session
    test("an unknown session, offset, or nonsense is a new session", kTimeout, async (t) => {
      const server = await lab(kOn, t);
      const { sid, pid, offset } = await lost(server, transport);
      const wrong = [
        { pid: "foo", offset: "bar" }, { pid: "x".repeat(20), offset }, { pid: 7, offset }, { offset }, {}, { pid: [pid], offset },
        { pid, offset: 123 }, { pid: sid, offset },
      ];
      for (const auth of wrong) {
        const peer = await transport.open(server);
        const got = await connect(peer, auth);
        assert(got.sid !== sid && got.pid !== pid && got.sid !== "foo" && got.pid !== "bar", JSON.stringify(got));
        assert.equal((await ask(peer, "state")).recovered, false);
        await peer.send("41");
        await peer.close();
      }
      // The session was none of theirs: it is still there for the one who knows it.
      const mine = await transport.open(server);
      assert.deepEqual(await connect(mine, { pid, offset }), { sid, pid });
      await mine.close();
      await kept(server);
      // An offset that was never given ends it, since nobody knows what such a client has got.
      const stranger = await transport.open(server);
      assert.notEqual((await connect(stranger, { pid, offset: "nonsense" })).sid, sid);
      await stranger.close();
    });

    // covers sio/connection-state-recovery: should be disabled by default
    test("off by default", kTimeout, async (t) => {
      const server = await lab({}, t);
      for (const auth of [undefined, { pid: "foo", offset: "bar" }]) {
        const peer = await transport.open(server);
        const handshake = await connect(peer, auth);
        assert.deepEqual(Object.keys(handshake), ["sid"]);
        await emit(server, "plain", [1]);
        assert.equal(await peer.next(), '42["plain",1]');
        await peer.close();
      }
      assert.deepEqual((await stats(server)).sessions, 0);
    });

    test("without an offset everything since the session began is missed", kTimeout, async (t) => {
      const server = await lab(kOn, t);
      const peer = await transport.open(server);
      const { sid, pid } = await connect(peer);
      await peer.close();
      await kept(server);
      await emit(server, "first");
      const again = await transport.open(server);
      await again.send(`40${JSON.stringify({ pid })}`);
      assert.equal(parse(await again.next())[0], "first");
      assert.deepEqual(parse(await again.next()), { sid, pid });
      await again.close();
    });

    test("works again and again, and while the old connection is half dead", kTimeout, async (t) => {
      const server = await lab(kOn, t);
      let { sid, pid, offset } = await lost(server, transport);
      for (let round = 0; round < 3; ++round) {
        await emit(server, "while away", [round]);
        const peer = await transport.open(server);
        await peer.send(`40${JSON.stringify({ pid, offset })}`);
        let missed = parse(await peer.next());
        assert.deepEqual(missed.slice(0, 2), ["while away", round]);
        offset = missed[2];
        assert.deepEqual(parse(await peer.next()), { sid, pid });
        // It is not closed: another connection of the same client comes.
        await emit(server, "on its way", [round]);
        const next = await transport.open(server);
        await next.send(`40${JSON.stringify({ pid, offset })}`);
        missed = parse(await next.next());
        assert.deepEqual(missed.slice(0, 2), ["on its way", round]);
        offset = missed[2];
        assert.deepEqual(parse(await next.next()), { sid, pid });
        assert.equal((await ask(next, "state")).recovered, true);
        await next.close();
        await kept(server);
      }
    });

    test("a namespace left for good is not kept", kTimeout, async (t) => {
      const server = await lab(kOn, t);
      const log = new Log(server);
      for (const end of ["41", '42["hang up",false]']) {
        const peer = await transport.open(server);
        const { sid, pid } = await connect(peer);
        await peer.send(end);
        await log.until((entry) => entry.disconnect && entry.id === sid, "the end");
        assert.equal((await stats(server)).sessions, 0);
        await emit(server, "nobody", [], { socket: sid });
        const again = await transport.open(server);
        assert.notEqual((await connect(again, { pid })).sid, sid);
        await again.send("41");
        await peer.close();
        await again.close();
      }
    });
  });
}

describe("what is kept", () => {
  const { open } = kTransports.websocket;

  test("the offset is the last argument of events, not of what asks for an acknowledgement", kTimeout, async (t) => {
    const server = await lab(kOn, t);
    const peer = await open(server);
    await connect(peer);
    await peer.send('42["echo","a"]');
    const [event, arg, first] = parse(await peer.next());
    assert.deepEqual([event, arg], ["echo", "a"]);
    await peer.send('421["echo","a"]');
    assert.equal(await peer.next(), '431["a"]');
    // Volatile: it carries the offset of the last one that was kept, and is not kept itself.
    await emit(server, "now", [], { volatile: true });
    assert.deepEqual(parse(await peer.next()), ["now", first]);
    await peer.send('451-["echo",{"_placeholder":true,"num":0}]');
    peer.send(Buffer.from([1, 2, 3]));
    const header = await peer.next();
    assert(header.startsWith('451-["echo",{"_placeholder":true,"num":0},"'), header);
    assert.deepEqual(await peer.next(), Buffer.from([1, 2, 3]));
    await peer.close();
  });

  test("binary packets are replayed with their attachments", kTimeout, async (t) => {
    const server = await lab(kOn, t);
    const peer = await open(server);
    const { pid, sid } = await connect(peer);
    await peer.close();
    await kept(server);
    const other = await open(server);
    await connect(other);
    other.send('451-["all","b",{"_placeholder":true,"num":0}]');
    other.send(Buffer.from([4, 5]));
    await other.next();
    await other.next();
    const again = await open(server);
    await again.send(`40${JSON.stringify({ pid })}`);
    assert((await again.next()).startsWith('451-["b",{"_placeholder":true,"num":0},"'));
    assert.deepEqual(await again.next(), Buffer.from([4, 5]));
    assert.deepEqual(parse(await again.next()), { sid, pid });
    await again.close();
    await other.close();
  });

  test("sessions and packets are given up in time, and their memory with them", kTimeout, async (t) => {
    const server = await lab({ connection_state_recovery: { max_disconnection_duration: 500 } }, t);
    const peer = await open(server);
    const { sid, pid } = await connect(peer);
    for (let i = 0; i < 100; ++i) await emit(server, "kept", ["x".repeat(1000)]);
    await peer.close();
    await new Log(server).until((entry) => entry.disconnect && entry.id === sid, "the end");
    await until(() => stats(server), (s) => s.sessions === 0 && s.packets === 0 && s.bytes === 0 && s.output < 100_000, "the end of what was kept");
    const again = await open(server);
    assert.notEqual((await connect(again, { pid })).sid, sid);
    await again.close();
  });

  for (const [option, emits] of [["max_log_packets", 11], ["max_log_bytes", 40]]) {
    test(`${option}: who has missed what was dropped starts anew`, kTimeout, async (t) => {
      const server = await lab({ connection_state_recovery: { [option]: option === "max_log_packets" ? 10 : 20_000 } }, t);
      const early = await lost(server, { open });
      for (let i = 0; i < emits; ++i) await emit(server, "kept", ["x".repeat(1000)]);
      const now = await stats(server);
      assert(now.packets <= 10 || option !== "max_log_packets", JSON.stringify(now));
      assert(now.bytes <= 20_000 && now.packets >= 5, JSON.stringify(now));
      const peer = await open(server);
      assert.notEqual((await connect(peer, early)).sid, early.sid);
      await peer.send("41");
      await peer.close();
      // One that has missed no more than is kept goes on.
      const late = await lost(server, { open });
      for (let i = 0; i < 5; ++i) await emit(server, "kept", ["x".repeat(1000)]);
      const again = await open(server);
      await again.send(`40${JSON.stringify({ pid: late.pid, offset: late.offset })}`);
      for (let i = 0; i < 5; ++i) assert.equal(parse(await again.next())[0], "kept");
      assert.equal(parse(await again.next()).sid, late.sid);
      await again.close();
    });
  }

  test("max_sessions: the one away for longest goes", kTimeout, async (t) => {
    const server = await lab({ connection_state_recovery: { max_sessions: 2 } }, t);
    const away = [];
    for (let i = 0; i < 3; ++i) {
      const peer = await open(server);
      away.push(await connect(peer));
      await peer.close();
      await until(() => stats(server), (s) => s.sessions === Math.min(i + 1, 2), "a kept session");
    }
    // The last one first: once it can be had, it has taken its place.
    for (const i of [2, 1]) {
      const peer = await open(server);
      assert.deepEqual(await connect(peer, { pid: away[i].pid }), away[i]);
      await peer.send("41");
      await peer.close();
    }
    const peer = await open(server);
    assert.notEqual((await connect(peer, { pid: away[0].pid })).sid, away[0].sid);
    await peer.close();
  });
});

// --- the official client ------------------------------------------------------------------------------------------------

// Ends the client's connection, but not inside an upgrade: a client that closes there takes the packets of the last poll after
// its socket has disconnected, keeps them for later, and asks for them once more with the offset before them.
const lose = (socket) => {
  const { engine } = socket.io;
  if (engine.upgrading) engine.once("upgrade", () => setImmediate(() => engine.close()));
  else engine.close();
};

for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
  // The client's own test of recovery, "should have an accessible socket id equal to the server-side socket id".
  test(`the official client comes back to its session: ${transports}`, kTimeout, async (t) => {
    const server = await lab(kOn, t);
    const socket = await connected(server, transports, { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 20 });
    const id = socket.id;
    assert.equal((await within(socket.emitWithAck("state"), "the state")).id, id);
    const got = [];
    socket.on("n", (n) => got.push(n));
    let n = 0;
    for (let round = 0; round < 5; ++round) {
      const lostIt = once(socket, "disconnect");
      const back = once(socket, "connect");
      for (let i = 0; i < 5; ++i) await emit(server, "n", [n++]);
      lose(socket);
      await lostIt;
      for (let i = 0; i < 5; ++i) await emit(server, "n", [n++], i % 2 ? { socket: id } : {});
      await back;
      assert.equal(socket.id, id);
      assert.equal(socket.recovered, true);
      for (let i = 0; i < 5; ++i) await emit(server, "n", [n++], i % 2 ? { room: id } : {});
    }
    const end = once(socket, "end");
    await emit(server, "end", [], { socket: id });
    await end;
    assert.deepEqual(got, Array.from({ length: n }, (_, i) => i));
    assert.equal((await within(socket.emitWithAck("state"), "the state")).recovered, true);
    socket.disconnect();
  });
}

test("many official clients, all threads: nothing is lost, doubled or out of order", kTimeout, async (t) => {
  const server = await lab(kOn, t);
  const kClients = 12;
  const all = [];
  for (let c = 0; c < kClients; ++c) {
    const socket = await connected(server, [c % 2 ? "websocket" : "polling"], { reconnection: true, reconnectionDelay: 1, reconnectionDelayMax: 10 });
    const got = [];
    socket.on("n", (n) => got.push(n));
    all.push({ socket, got, id: socket.id });
  }
  let sent = 0;
  for (let round = 0; round < 10; ++round) {
    for (const { socket } of all) if (socket.connected && Math.random() < 0.4) socket.io.engine.close();
    for (let i = 0; i < 5; ++i) await emit(server, "n", [sent++]);
  }
  for (const { socket, got, id } of all) {
    await until(() => [socket.connected, got.length], ([back, heard]) => back && heard >= sent, `${sent} events`);
    assert.deepEqual(got, Array.from({ length: sent }, (_, i) => i));
    assert.equal(socket.id, id);
    socket.disconnect();
  }
});

test("the official client goes on without a session that has expired", kTimeout, async (t) => {
  const server = await lab({ connection_state_recovery: { max_disconnection_duration: 1 } }, t);
  const socket = await connected(server, ["websocket"]);
  const id = socket.id;
  const some = once(socket, "some");
  await emit(server, "some");
  await some;
  // A thread that is held up may save the session only now: then it comes back once more.
  do {
    const lostIt = once(socket, "disconnect");
    socket.io.engine.close();
    await lostIt;
    await new Log(server).until((entry) => entry.disconnect && entry.id === id, "the end");
    await until(() => stats(server), (s) => s.sessions === 0, "the end of the session");
    const back = once(socket, "connect");
    socket.connect();
    await back;
  } while (socket.id === id);
  assert(!socket.recovered);
  socket.disconnect();
});
