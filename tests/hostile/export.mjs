// Writes the rows of the tables for the simulator (tests/sim/split_test.cpp): one JSON object a line, bytes in base64.
//
//   node export.mjs FILE
import fs from "node:fs";
import { bytes } from "../e2e/support/raw.mjs";
import { kSmugglerRest } from "./smuggling.mjs";
import { kMessages, kTables } from "./tables.mjs";
import { frames, requests } from "./ways.mjs";
import { kFrames } from "./websocket.mjs";

const tables = {
  ...kTables,
  "F: announced, not sent": frames(kFrames.filter(([id]) => id === "F24b")).map((row) => ({ ...row, script: { ...row.script, after: [] } })),
  "H: smuggling, the rest": requests(kSmugglerRest),
  "M: MessagePack": kMessages,
};

const base64 = (data) => bytes(data).toString("base64");
const lines = Object.entries(tables).flatMap(([table, rows]) => rows.map(({ id, what, sent, script }) => JSON.stringify({
  table, id, what,
  sent: base64(script.sent ?? sent),
  ...Object.fromEntries(["aside", "before", "after", "asideAfter"].map((name) => [name, (script[name] ?? []).map(base64)])),
  statuses: script.statuses ?? [],
  reasons: script.reasons ?? [],
  messagePack: rows === kMessages,
})));
fs.writeFileSync(process.argv[2], `${lines.join("\n")}\n`);
