// "Near me now": sorts the shelters on this page by the phone's own position. Nothing is sent anywhere.
"use strict";
(() => {
  const box = document.querySelector("[data-near]");
  if (!box || !("geolocation" in navigator) || !window.isSecureContext) return;
  const words = JSON.parse(box.dataset.near);
  const button = box.querySelector("button");
  const failed = box.querySelector("[role=alert]");
  const rad = Math.PI / 180;
  // Metres and degrees clockwise from north, on a sphere (as geo/distance.py).
  const from = (lat, lon, toLat, toLon) => {
    const a = lat * rad, b = toLat * rad, east = (toLon - lon) * rad;
    const chord = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(east / 2) ** 2;
    const x = Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(east);
    return [2 * 6371000 * Math.asin(Math.min(1, Math.sqrt(chord))),
      (Math.atan2(Math.sin(east) * Math.cos(b), x) / rad + 360) % 360];
  };
  const isolate = document.documentElement.dir === "rtl" ? (text) => `\u2066${text}\u2069` : (text) => text;
  const length = (metres) => isolate(metres < 1000 ? `${metres} m` : `${metres / 1000} km`);
  const say = (metres, bearing, error) => {
    if (metres < 1.5 * error) return words.within.replace("{distance}", length(Math.ceil((metres + error) / 100) * 100));
    return words.about.replace("{distance}", length(Math.max(100, Math.round(metres / 100) * 100)))
      .replace("{direction}", words.directions[Math.round(bearing / 45) % 8]);
  };
  const sort = ({ coords }) => {
    for (const list of document.querySelectorAll("ol")) {
      const rows = [...list.children].map((row) => {
        const [metres, bearing] = from(coords.latitude, coords.longitude, ...row.dataset.at.split(",").map(Number));
        let far = row.querySelector(".far");
        if (!far) {
          far = document.createElement("span");
          far.className = "far";
          row.querySelector("b").after(document.createElement("br"), far);
        }
        far.textContent = say(metres, bearing, Math.max(50, coords.accuracy));
        return [metres, row];
      });
      list.append(...rows.sort((one, other) => one[0] - other[0]).map(([, row]) => row));
    }
    button.disabled = false;
    failed.hidden = true;
  };
  box.hidden = false;
  button.addEventListener("click", () => {
    button.disabled = true;
    navigator.geolocation.getCurrentPosition(sort, () => { button.disabled = false; failed.hidden = false; },
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 });
  });
})();
