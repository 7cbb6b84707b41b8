// Shows warnings, answers from the notification, and keeps an answer that could not be sent until it can.
// The text comes with the push: nothing is fetched before it is shown.
"use strict";

const DB = "daijobu", STORE = "answers";
const HELP = ["help", "cannot_leave"];

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  // A browser that reads declarative messages itself hands the finished notification over, and shows it if we do not.
  let note = event.notification || event.proposedNotification;
  try { note = note || event.data.json().notification; } catch (error) { /* every push must show something */ }
  note = note || {};
  const data = note.data || {};
  const shown = self.registration.showNotification(note.title || "Daijobu", {
    body: note.body || "", lang: note.lang || "", dir: note.dir || "auto", tag: note.tag || "daijobu",
    renotify: Boolean(note.renotify && note.tag), requireInteraction: Boolean(note.requireInteraction),
    silent: Boolean(note.silent),
    actions: (note.actions || []).map((one) => ({ action: one.action, title: one.title })), data,
  });
  event.waitUntil(shown.then(() => data.receipt ? receipt(data) : null));
});

function receipt(data) {
  return fetch("/push/receipt", {
    method: "POST", keepalive: true, headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ message: data.message, contact: data.contact, receipt: data.receipt, shown: true }),
  }).catch(() => null);
}

self.addEventListener("notificationclick", (event) => {
  const note = event.notification, url = note.data && note.data.url;
  note.close();
  if (!url) return;
  const path = new URL(url).pathname;
  if (!event.action) {
    event.waitUntil(self.clients.openWindow(path));
    return;
  }
  const answer = {
    id: self.crypto.randomUUID(), path, answer: event.action, tapped_at: new Date().toISOString(),
    title: note.title, tag: note.tag, lang: note.lang,
  };
  event.waitUntil(keep(answer).then(() => flush(true)));
});

// 2xx: stored. 404, 409, 410: this question is over or another one, so the page must say it. Else: try again later.
async function send(answer) {
  const form = new URLSearchParams({ answer: answer.answer, client_id: answer.id, tapped_at: answer.tapped_at });
  const reply = await fetch(answer.path, {
    method: "POST", body: form, headers: { Accept: "application/json" }, redirect: "manual",
  });
  if (reply.ok || reply.type === "opaqueredirect") return "stored";
  if ([400, 404, 409, 410].includes(reply.status)) return "open";
  throw new Error("not stored: " + reply.status);
}

async function flush(fresh) {
  let failed = false;
  for (const answer of await waiting()) {
    try {
      const result = await send(answer);
      await forget(answer.id);
      if (result === "stored") await say(answer, "✓");
      // Who calls for help needs the page: 119, the card to show, who is coming, and in a drill "is this real?".
      if (fresh && (result === "open" || HELP.includes(answer.answer))) {
        await self.clients.openWindow(answer.path).catch(() => null);
      }
    } catch (error) {
      failed = true;
      await say(answer, "…");
    }
  }
  if (!failed) return;
  if (self.registration.sync) await self.registration.sync.register("answers");
}

// A mark, not words: the worker has no catalogue. The page behind it speaks the person's language.
function say(answer, mark) {
  return self.registration.showNotification(mark + " " + answer.title, {
    tag: answer.tag, lang: answer.lang || "", silent: true, data: { url: self.location.origin + answer.path },
  });
}

self.addEventListener("sync", (event) => {
  if (event.tag === "answers") event.waitUntil(flush(false).then(async () => {
    if ((await waiting()).length) throw new Error("answers are still waiting");
  }));
});

// Browsers without background sync try again whenever one of our pages opens.
self.addEventListener("message", (event) => {
  if (event.data === "flush") event.waitUntil(flush(false));
});

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DB, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function withStore(mode, work) {
  const db = await open();
  try {
    return await new Promise((resolve, reject) => {
      const change = db.transaction(STORE, mode), result = work(change.objectStore(STORE));
      change.oncomplete = () => resolve(result.result);
      change.onerror = change.onabort = () => reject(change.error);
    });
  } finally {
    db.close();
  }
}

const keep = (answer) => withStore("readwrite", (store) => store.put(answer));
const forget = (id) => withStore("readwrite", (store) => store.delete(id));
const waiting = () => withStore("readonly", (store) => store.getAll());
