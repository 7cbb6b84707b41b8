// Keeps <div id="live"> fresh. One EventSource per browser: the tab that holds the lock listens and tells the others,
// because six open streams would block every other request over HTTP/1.1. Without a stream we ask every 20 seconds.
(() => {
  "use strict";
  const box = document.getElementById("live");
  if (!box) return;
  const wanted = box.dataset.incident || "";
  const note = document.getElementById("live-wait");
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("daijobu-live") : null;
  let busy = false, again = false, typed = false, heard = 0;

  box.addEventListener("input", () => { typed = true; });

  async function refresh() {
    if (busy) { again = true; return; }
    if (typed) { if (note) note.hidden = false; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Fragment": "1" }, cache: "no-store" });
      if (answer.status >= 500) return; // the service is coming back: keep what is on the screen
      if (answer.redirected || answer.headers.get("X-Fragment") !== "1") { location.reload(); return; }
      const text = await answer.text();
      if (typed) { if (note) note.hidden = false; return; }
      swap(text);
    } catch { /* the network is away: the next event or poll tries again */ } finally {
      busy = false;
      if (again) { again = false; setTimeout(refresh, 1000); }
    }
  }

  function swap(text) {
    const open = [...box.querySelectorAll("details")].map((d) => [d.id, d.open]);
    const focused = box.contains(document.activeElement) ? document.activeElement.id : "";
    const top = window.scrollY;
    box.innerHTML = text;
    for (const [id, state] of open) {
      const again = id && document.getElementById(id);
      if (again) again.open = state;
    }
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    window.scrollTo(0, top);
  }

  function told(incident) {
    heard = Date.now();
    if (incident === "*" || !wanted || wanted === incident) refresh();
  }

  function listen() {
    return new Promise((done) => {
      const stream = new EventSource("/events/stream");
      const tell = (what) => { if (channel) channel.postMessage(what); };
      let opened = heard > 0; // a stream that comes back, or takes over, may have missed something
      stream.onopen = () => { if (opened) { told("*"); tell("*"); } opened = true; };
      stream.addEventListener("changed", (e) => { told(e.data); tell(e.data); });
      stream.addEventListener("alive", () => { heard = Date.now(); tell(""); });
      stream.onerror = () => { if (stream.readyState === EventSource.CLOSED) done(); };
    });
  }

  if (channel) channel.onmessage = (e) => { if (e.data) told(e.data); else heard = Date.now(); };
  // A browser gives a stream up for ever when it is refused once, as it is while the database is away.
  async function keepListening() {
    for (;;) {
      await listen();
      await new Promise((done) => { setTimeout(done, 3000); });
      heard = heard || 1; // what changed meanwhile is asked for as soon as the stream is back
    }
  }

  if (channel && navigator.locks) navigator.locks.request("daijobu-live", keepListening);
  setInterval(() => { if (Date.now() - heard > 40000 && !document.hidden) refresh(); }, 20000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
})();
