// "I am here now": asks the phone for its position once, after the person pressed the button, and puts it into the form.
// With data-here-send the form leaves at once: one tap.
"use strict";
(() => {
  const button = document.querySelector("[data-here]");
  if (!button || !("geolocation" in navigator) || !window.isSecureContext) return;
  const show = (name) => {
    for (const one of ["done", "failed"]) document.querySelector(`[data-here-${one}]`).hidden = one !== name;
  };
  const field = (name) => button.form.elements[name];
  button.hidden = false;
  button.addEventListener("click", () => {
    button.disabled = true;
    navigator.geolocation.getCurrentPosition((found) => {
      field("lat").value = found.coords.latitude.toFixed(5);
      field("lon").value = found.coords.longitude.toFixed(5);
      button.hidden = true;
      if (button.hasAttribute("data-here-send")) button.form.requestSubmit();
      else show("done");
    }, () => { button.disabled = false; show("failed"); }, { enableHighAccuracy: false, timeout: 15000, maximumAge: 300000 });
  });
})();
