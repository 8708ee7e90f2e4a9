#!/usr/bin/env node
// A conformance suite for WebSockets (RFC 6455, RFC 7692), for servers and clients that echo.
import { parseArgs } from "node:util";
import { testClient } from "./client_role.mjs";
import { testServer } from "./server_role.mjs";
import { casesFor, count, summary } from "./suite.mjs";

const kUsage = `usage: rfc6455.mjs server URL [options]     URL: ws:// or wss://, of an echo
       rfc6455.mjs client [options]         listens for a client that echoes
       rfc6455.mjs list server|client [options]

  --all                 all sizes, 1,000 messages where the RFC's suites have them, every row cut everywhere
  --cases ID,...        only these groups or cases: 5, 6.4, 7.9.1
  --no-deflate          without permessage-deflate
  --max-message N       the peer's limit of a message, which is then tested
  --max-fragments N     the peer's limit of fragments
  --patience MS         how long an answer may take (5000)
  --haste MS            how soon bad text must be refused before its frame is complete (500)
  --json                the results as JSON
  --verbose             every case, not only those that are neither OK nor UNIMPLEMENTED
server:
  --jobs N              connections at a time (1)
client:
  --port N              where to listen (9001)
  --command LINE        starts the client; {url} becomes ws://127.0.0.1:PORT. Ends when it ends
`;

function fail(message) {
  process.stderr.write(`rfc6455: ${message}\n${kUsage}`);
  process.exit(2);
}

const number = (value, name) => {
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) fail(`--${name} needs a number`);
  return Number(value);
};

function options() {
  const text = { type: "string" };
  const flag = { type: "boolean" };
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        all: flag, json: flag, verbose: flag, "no-deflate": flag, cases: text, "max-message": text, "max-fragments": text, patience: text,
        haste: text, jobs: text, port: text, command: text,
      },
    });
  } catch (error) { return fail(error.message); }
}

const { positionals: [what, target], values } = options();
const line = ({ id, verdict, what: text, detail }) => `${verdict.padEnd(14)} ${id.padEnd(10)} ${text}${detail ? `: ${detail}` : ""}\n`;
const settings = {
  all: values.all, deflate: !values["no-deflate"], only: values.cases?.split(","),
  maxMessage: number(values["max-message"], "max-message"), maxFragments: number(values["max-fragments"], "max-fragments"),
  patience: number(values.patience, "patience"), haste: number(values.haste, "haste"), jobs: number(values.jobs, "jobs"),
  report: (result) => { if (!values.json && (values.verbose || !["OK", "UNIMPLEMENTED"].includes(result.verdict))) process.stdout.write(line(result)); },
};

async function results() {
  switch (what) {
    case "server":
      if (!/^wss?:\/\//.test(target ?? "")) fail("server needs a URL");
      return testServer(target, settings);
    case "client":
      return testClient({
        ...settings, port: number(values.port, "port") ?? 9001, command: values.command,
        listening: (port) => process.stderr.write(`listening on ${port}\n`),
      });
    case "list":
      for (const { id, what: text } of casesFor(target === "client" ? "client" : "server", settings)) process.stdout.write(`${id.padEnd(10)} ${text}\n`);
      return null;
    default: return fail("server or client?");
  }
}

// (Not process.exit(): a pipe may not have taken everything yet.)
const all = await results();
if (all) {
  if (values.json) process.stdout.write(`${JSON.stringify({ role: what, target, ...count(all), cases: all }, null, 1)}\n`);
  else process.stdout.write(`${summary(all)}\n`);
  process.exitCode = count(all).passed === all.length ? 0 : 1;
}
