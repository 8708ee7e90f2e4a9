// The conformance servers of one test file, and how the official JavaScript client comes to a server: what the files of
// tests begin with. Whatever a failed test leaves open is closed after the last one.
import { after, before } from "node:test";
import { io } from "socket.io-client";
import { conformance } from "./server.mjs";
import { Log, within } from "./wire.mjs";

export const kTimeout = { timeout: 120_000 };  // of a test, or of starting and stopping

/** For tests that are about something else than time: a peer that is held up is waited for. */
export const kPatient = ["--options", JSON.stringify({ ping_timeout: 100_000, connect_timeout: 100_000 })];

/** Starts `suite`, which is patient, `probe`, and `probe` with short pings, before the tests of this file. `take` gets them,
 *  and the log of the second. */
export function protocolServers(suite, take) {
  let servers = [];
  before(async () => {
    servers = await Promise.all([conformance(suite, ...kPatient), conformance("probe"), conformance("probe", "--fast")]);
    take(...servers, new Log(servers[1]));
  }, kTimeout);
  after(async () => { for (const server of servers) await server.stop(); }, kTimeout);
}

// --- the official client --------------------------------------------------------------------------------------------

/** The three ways to come to a server. */
export const kWays = {
  "WebSocket only": ["websocket"],
  "long polling only": ["polling"],
  "long polling, then WebSocket": ["polling", "websocket"],
};

const opened = new Set();

/** A client of its own connection, which does not come back once it is lost unless `options` say so. */
export function client(server, transports, { nsp = "/", ...options } = {}) {
  const socket = io(server.url + nsp, { transports, forceNew: true, reconnection: false, ...options });
  opened.add(socket);
  return socket;
}

export async function connected(server, transports, options) {
  const socket = client(server, transports, options);
  await within(new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  }), "the connection");
  return socket;
}

export const once = (emitter, event, what = event) => within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), what);

/** Waits until the transport is a WebSocket, where that is the way. */
export async function settled(socket, transports) {
  if (transports.length > 1 && socket.io.engine.transport.name === "polling") await once(socket.io.engine, "upgrade");
}

/** For after(): a server that is to end well should not have to throw clients out. */
export function closeClients() {
  for (const socket of opened) {
    socket.io.reconnection(false);
    socket.io.engine?.close();
  }
  opened.clear();
}
