// Which of our tests cover which official ones. The official titles (files of the packages socket.io, engine.io,
// socket.io-parser, socket.io-client and of the protocol suites) are the tables tests/official/*.tsv; a test of ours
// names what it covers in a comment above it:
//
//   // covers sio/namespaces: should fire a `connection` event
//   // covers eio/server: send › writeable › should not send a buffer
//
// The group may be left out where the title is unique in its file; a comment may go on in the lines below it.
//
//   node official_tests.mjs ROOT            writes docs/reference/official-tests.md
//   node official_tests.mjs ROOT --check    fails when that page is not what it would write
//   node official_tests.mjs ROOT --missing  lists what nothing covers
import fs from "node:fs";
import path from "node:path";

const [root = ".", mode = ""] = process.argv.slice(2);
const kPage = "docs/reference/official-tests.md";
const kTables = "tests/official";
const kFolders = ["src", "tests", "examples"];
const kTest = /^(?:TEST(?:_F|_P)?\(|TYPED_TEST\(|\s*(?:await )?(?:test|it|t\.test)\()/;

function titles() {
  const rows = [];
  for (const name of fs.readdirSync(path.join(root, kTables)).filter((n) => n.endsWith(".tsv")).sort()) {
    const lines = fs.readFileSync(path.join(root, kTables, name), "utf8").split("\n").slice(1).filter(Boolean);
    for (const line of lines) {
      const [file, mark, group, title, why] = line.split("\t");
      rows.push({ table: name.replace(/\.tsv$/, ""), file, mark, group, title, why: why ?? "", tests: [] });
    }
  }
  return rows;
}

function* sources(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== "node_modules") yield* sources(full);
    else if (/\.(cpp|hpp|mjs)$/.test(entry.name)) yield full;
  }
}

// The marks of one file: {texts, test, assertions}.
function* marks(file) {
  const lines = fs.readFileSync(file, "utf8").split("\n");
  for (let i = 0; i < lines.length; ++i) {
    if (!/^\s*\/\/ covers [\w./-]+: /.test(lines[i])) continue;
    // A formatter may have broken the lines anywhere: what counts is where `covers` stands.
    let comment = "";
    let at = i;
    for (; at < lines.length && /^\s*\/\//.test(lines[at]); ++at) comment += ` ${lines[at].replace(/^\s*\/\/ ?/, "").trim()}`;
    const texts = comment.split(/ (?=covers [\w./-]+: )/).map((text) => text.trim()).filter((text) => text.startsWith("covers "));
    let test = at;
    while (test < lines.length && !kTest.test(lines[test])) ++test;
    const head = lines.slice(test, test + 3).join(" ");
    const cpp = /^\s*(?:TYPED_TEST|TEST(?:_F|_P)?)\(\s*(\w+),\s*(\w+)\s*\)/.exec(head);
    const js = /(?:test|it)\(\s*(?:(["'`])(.*?)\1|(\w+))\s*,/.exec(head);
    let end = test + 1;
    while (end < lines.length && !kTest.test(lines[end])) ++end;
    const body = lines.slice(test, end).join("\n");
    yield {
      texts,
      line: i + 1,
      test: cpp ? `${cpp[1]}.${cpp[2]}` : js ? js[2] ?? js[3] : null,
      assertions: (body.match(/\b(?:EXPECT|ASSERT)_\w+\(|\bassert(?:\.\w+)?\(|\bexpect\w*\(|\bawait within\(/g) ?? []).length,
    };
    i = at - 1;
  }
}

function cover(rows, problems) {
  for (const folder of kFolders) {
    for (const file of sources(path.join(root, folder))) {
      const short = path.relative(root, file).split(path.sep).join("/");
      for (const { texts, line, test, assertions } of marks(file)) {
        for (const text of texts) {
          const [, key, wanted] = /^covers ([\w./-]+): (.*)$/.exec(text);
          const found = rows.filter((row) => row.file === key &&
            (row.title === wanted || (row.group && `${row.group} › ${row.title}`.endsWith(wanted) && wanted.endsWith(row.title))));
          const where = `${short}:${line}`;
          if (found.length === 0) problems.push(`${where}: no official test "${wanted}" in ${key}`);
          else if (new Set(found.map((row) => row.group)).size > 1) problems.push(`${where}: "${wanted}" of ${key} needs its group, one of: ${found.map((row) => row.group).join("; ")}`);
          else if (test === null) problems.push(`${where}: no test below "${text}"`);
          else for (const row of found) row.tests.push({ file: short, test, assertions });
        }
      }
    }
  }
}

const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

function page(rows) {
  const covered = rows.filter((row) => row.tests.length > 0);
  const not = rows.filter((row) => row.tests.length === 0 && row.why);
  const left = rows.length - covered.length - not.length;
  const out = [
    "# Official tests and ours", "",
    "Every server-side test of the official JavaScript packages that can be seen on the wire (W) or in what the server reports",
    "(H), and the test of ours that covers it. Written by `./dev official` from the comments `// covers …` in our tests; a test",
    "checks that it is up to date.", "",
    `${rows.length} titles: ${covered.length} covered, ${not.length} do not apply, ${left} left.`, "",
    "`P3`, `P4`, `S5`: the public suites of Engine.IO 3 and 4 and Socket.IO 5; `sio`, `eio`, `siop`, `sioc`: the packages",
    "socket.io, engine.io, socket.io-parser and socket.io-client.",
  ];
  let file = "";
  for (const row of rows) {
    if (row.file !== file) {
      file = row.file;
      out.push("", `## ${file}`, "", "| | Title | Our test | Assertions |", "|---|---|---|---|");
    }
    const title = row.group ? `${row.group} › ${row.title}` : row.title;
    const ours = row.tests.length > 0
      ? row.tests.map((t) => `\`${t.test.replaceAll("`", "'")}\` in ${t.file}`).join("<br>")
      : row.why ? `does not apply: ${cell(row.why)}` : "**left**";
    const assertions = row.tests.map((t) => t.assertions).join("<br>");
    out.push(`| ${row.mark} | ${cell(title)} | ${ours.replaceAll("|", "\\|")} | ${assertions} |`);
  }
  return `${out.join("\n")}\n`;
}

const rows = titles();
const problems = [];
cover(rows, problems);
for (const row of rows) if (row.why && row.tests.length > 0) problems.push(`${row.file}: "${row.title}" is covered and yet does not apply`);
for (const problem of problems) console.error(problem);
const wanted = page(rows);
const file = path.join(root, kPage);
if (mode === "--missing") {
  for (const row of rows) if (!row.why && row.tests.length === 0) console.log(`${row.file}: ${row.group ? `${row.group} › ` : ""}${row.title}`);
} else if (mode === "--check") {
  if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== wanted) problems.push(`${kPage} is out of date: run ./dev official`);
  if (problems.length > 0) console.error(problems.at(-1));
} else {
  fs.writeFileSync(file, wanted);
  console.log(/^\d+ titles.*$/m.exec(wanted)[0]);
}
process.exit(problems.length > 0 ? 1 : 0);
