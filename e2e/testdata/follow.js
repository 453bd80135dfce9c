// Replaces the page by a table of what comes, and keeps all of it in followed.
// At the end stands a call of follow, which the test adds.
function follow(url) {
  const followed = { messages: [], gaps: [], ends: [], opened: 0, errors: 0, closed: false };
  globalThis.followed = followed;
  document.title = "A channel";
  document.body.innerHTML =
    "<h1>A channel</h1><p id=state>connects</p><table border=1 cellpadding=6>" +
    "<thead><tr><th>Published<th>Name<th>Cursor<tbody></table>";
  const state = document.getElementById("state");
  const rows = document.querySelector("tbody");
  const source = new EventSource(url);
  source.onopen = () => {
    followed.opened++;
    state.textContent = "open";
  };
  source.onerror = () => {
    followed.errors++;
    followed.closed = source.readyState === EventSource.CLOSED;
    state.textContent = followed.closed ? "closed" : "connects again";
  };
  source.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    followed.messages.push({ last: event.lastEventId, cursor: message.cursor, id: message.id, name: message.content.objects[0].name });
    const row = rows.insertRow();
    for (const text of [message.published, message.content.objects[0].name, message.cursor]) {
      row.insertCell().textContent = text;
    }
  });
  source.addEventListener("gap", (event) => followed.gaps.push(event.data));
  source.addEventListener("end", (event) => followed.ends.push(event.data));
}
