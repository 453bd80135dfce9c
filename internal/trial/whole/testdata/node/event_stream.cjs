// Follows a Channel as an event stream with the package eventsource, which connects
// again by itself. Prints each Message as a line of JSON, and ends after as many as
// it is told. Its arguments are the folder that has the package, and a JSON file:
// url, user, password, count.
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");

const [folder, file] = process.argv.slice(2);
const { EventSource } = createRequire(folder + "/")("eventsource");
const about = JSON.parse(readFileSync(file, "utf8"));
const authorization = "Basic " + Buffer.from(about.user + ":" + about.password).toString("base64");

let count = 0;
const source = new EventSource(about.url, {
  fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization } }),
});
source.onerror = (event) => {
  if (source.readyState === EventSource.CLOSED) {
    console.error("closed: " + event.code + " " + event.message);
    process.exit(1);
  }
};
source.addEventListener("message", (event) => {
  const { cursor, id, content } = JSON.parse(event.data);
  console.log(JSON.stringify({ last: event.lastEventId, cursor, id, content }));
  if (++count === about.count) {
    source.close();
  }
});
source.addEventListener("gap", (event) => {
  console.error("a gap: " + event.data);
  process.exit(1);
});
