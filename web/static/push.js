// Switches notifications on, after the person pressed the button that says what will come. Never asks by itself.
//   <button data-push-token="TOKEN" hidden>…</button>
//   <p data-push-on hidden>…</p> <p data-push-blocked hidden>…</p> <p data-push-iphone hidden>…</p>
// A test is sent at once. Optional, for another one: <button data-push-test hidden>…</button> <p data-push-tested hidden>…</p>
// With data-push-to="/path" data-form-token="…": staff. The subscription goes there, only after the press, and the page loads anew.
"use strict";
(() => {
  const button = document.querySelector("[data-push-token]");
  const show = (name) => {
    for (const one of ["on", "blocked", "iphone"]) {
      const line = document.querySelector(`[data-push-${one}]`);
      if (line) line.hidden = one !== name;
    }
    if (button) button.hidden = name === "on" || name === "blocked" || name === "iphone";
    const test = document.querySelector("[data-push-test]");
    if (test) test.hidden = name !== "on";
    const kept = document.querySelector("[data-push-kept]");
    if (kept && name === "on") kept.hidden = true;
  };
  if (!("serviceWorker" in navigator)) return;
  const worker = navigator.serviceWorker.register("/sw.js", { scope: "/" });
  worker.then(() => navigator.serviceWorker.ready).then((ready) => ready.active.postMessage("flush")).catch(() => null);
  if (!button) return;
  if (!("PushManager" in window)) {
    // iPhones offer push only to pages on the home screen.
    if (/iP(hone|ad|od)/.test(navigator.userAgent)) show("iphone");
    return;
  }
  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (c) => c.charCodeAt(0));
  };
  const tell = async (subscription) => {
    const own = button.dataset.pushTo;
    const reply = await fetch(own || "/push/subscribe", {
      method: "POST", headers: { "Content-Type": "application/json", "X-Form-Token": button.dataset.formToken || "" },
      body: JSON.stringify({ token: button.dataset.pushToken, subscription: subscription.toJSON() }),
    });
    if (!reply.ok) throw new Error("not kept: " + reply.status);
    if (own) return location.reload();
    show("on");
  };
  // The worker says when it has shown the test: only then do we count on these notifications.
  const test = document.querySelector("[data-push-test]");
  const sendTest = async () => {
    if (test) test.disabled = true;
    const reply = await fetch("/push/test", { method: "POST", body: new URLSearchParams({ token: button.dataset.pushToken }) });
    const sent = document.querySelector("[data-push-tested]");
    if (sent) sent.hidden = !reply.ok;
    if (test) setTimeout(() => { test.disabled = false; }, 20000);
  };
  if (test) test.addEventListener("click", sendTest);
  const start = async () => {
    const ready = await worker.then(() => navigator.serviceWorker.ready);
    const current = await ready.pushManager.getSubscription();
    if (Notification.permission === "denied") return show("blocked");
    if (current && Notification.permission === "granted" && !button.dataset.pushTo) return tell(current);
    show("");
    button.hidden = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        if (await Notification.requestPermission() !== "granted") return show("blocked");
        const key = await (await fetch("/push/key")).text();
        await tell(await ready.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) }));
        if (!button.dataset.pushTo) await sendTest();
      } finally {
        button.disabled = false;
      }
    });
  };
  start().catch(() => { button.hidden = false; });
})();
