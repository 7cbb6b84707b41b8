// "I am here now": asks the phone for its position once, after the person pressed the button, and puts it into the form.
// With data-here-send the form leaves at once: one tap. With data-here-exact helpers will go there: satellites, and now.
// A data-here-box is shown only where there is something to press.
"use strict";
(() => {
  const button = document.querySelector("[data-here]");
  if (!button || !("geolocation" in navigator) || !window.isSecureContext) return;
  const show = (name) => {
    for (const one of ["done", "failed"]) {
      const said = document.querySelector(`[data-here-${one}]`);
      if (said) said.hidden = one !== name;
    }
  };
  const field = (name) => button.form.elements[name];
  const exact = button.hasAttribute("data-here-exact");
  const box = button.closest("[data-here-box]");
  if (box) box.hidden = false;
  button.hidden = false;
  button.addEventListener("click", () => {
    button.disabled = true;
    navigator.geolocation.getCurrentPosition((found) => {
      field("lat").value = found.coords.latitude.toFixed(5);
      field("lon").value = found.coords.longitude.toFixed(5);
      if (field("accuracy")) field("accuracy").value = Math.ceil(found.coords.accuracy);
      button.hidden = true;
      if (button.hasAttribute("data-here-send")) button.form.requestSubmit();
      else show("done");
    }, () => { button.disabled = false; show("failed"); }, { enableHighAccuracy: exact, timeout: exact ? 30000 : 15000, maximumAge: exact ? 0 : 300000 });
  });
})();
