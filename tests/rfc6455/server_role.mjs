// The peer is a server: every case gets a connection of its own to it.
import net from "node:net";
import tls from "node:tls";
import { Connection } from "./connection.mjs";
import { codecFor, parseExtensions } from "./deflate_codec.mjs";
import { accepts, bytes, http, kKey, kUpgradeLines } from "./frames.mjs";
import { Refused, Unimplemented, casesFor, run } from "./suite.mjs";

class Session {
  role = "server";
  #all = [];
  constructor(url, options) {
    this.url = url;
    this.path = `${url.pathname}${url.search}`;
    this.options = options;
  }

  /** A bare connection. */
  async connect() {
    const port = Number(this.url.port || (this.url.protocol === "wss:" ? 443 : 80));
    const to = { host: this.url.hostname.replace(/^\[(.*)\]$/, "$1"), port, allowHalfOpen: true, noDelay: true };
    const socket = this.url.protocol === "wss:" ? tls.connect({ ...to, rejectUnauthorized: false }) : net.connect(to);
    const connection = new Connection(socket, "server", this.options);
    this.#all.push(connection);
    await new Promise((resolve, reject) => socket.once(this.url.protocol === "wss:" ? "secureConnect" : "connect", resolve).once("error", reject));
    return connection;
  }

  /** A WebSocket. */
  async open({ offer, early = Buffer.alloc(0), cutAt } = {}) {
    const connection = await this.connect();
    const lines = [...kUpgradeLines, ...(offer ? [`Sec-WebSocket-Extensions: ${offer}`] : [])];
    const request = bytes(http(`GET ${this.path} HTTP/1.1`, lines));
    const all = Buffer.concat([request, early]);
    if (cutAt === undefined) await connection.send(all);
    else await connection.send(all.subarray(0, request.length + cutAt), all.subarray(request.length + cutAt));
    const head = await connection.head();
    if (!/^HTTP\/1\.1 101 /.test(head?.first)) throw new Refused(`no WebSocket: ${head?.first ?? "no answer"}`);
    if (head.headers["sec-websocket-accept"] !== accepts(kKey)) throw new Refused("the key's answer is wrong");
    if (offer) {
      const [agreed] = parseExtensions(head.headers["sec-websocket-extensions"]);
      if (!agreed) throw new Unimplemented("permessage-deflate was declined");
      connection.codec = codecFor("server", agreed[1]);
    }
    return connection;
  }

  destroy() { for (const connection of this.#all) connection.destroy(); }
}

/** Resolves with the results. options: those of casesFor and Connection, jobs, report(result). */
export async function testServer(url, options = {}) {
  const { jobs = 1, report = () => {} } = options;
  const cases = casesFor("server", options);
  const results = Array(cases.length);
  let next = 0;
  const work = async () => {
    while (next < cases.length) {
      const i = next++;
      results[i] = await run(cases[i], new Session(new URL(url), options));
      report(results[i]);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return results;
}
