// Passkey buttons: they ask the browser, put its answer into the form's hidden field and send the form like any other.
// Without this script, or in a browser without passkeys, the buttons stay hidden and the other ways on the page remain.
(() => {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const toBytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const withBytes = (list) => (list || []).map((item) => ({ ...item, id: toBytes(item.id) }));

  async function create(options, name) {
    const user = { ...options.user, id: toBytes(options.user.id) };
    if (name) user.name = user.displayName = name;
    const made = await navigator.credentials.create({
      publicKey: { ...options, user, challenge: toBytes(options.challenge), excludeCredentials: withBytes(options.excludeCredentials) },
    });
    return answer(made, { attestationObject: toText(made.response.attestationObject) });
  }

  async function get(options) {
    const found = await navigator.credentials.get({
      publicKey: { ...options, challenge: toBytes(options.challenge), allowCredentials: withBytes(options.allowCredentials) },
    });
    const { authenticatorData, signature, userHandle } = found.response;
    return answer(found, {
      authenticatorData: toText(authenticatorData),
      signature: toText(signature),
      userHandle: userHandle ? toText(userHandle) : null,
    });
  }

  const answer = (credential, response) => JSON.stringify({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
    response: { clientDataJSON: toText(credential.response.clientDataJSON), ...response },
  });

  for (const part of document.querySelectorAll("[data-passkey]")) {
    const button = part.querySelector("button"), failed = part.querySelector("[role=alert]"), form = part.closest("form");
    const options = JSON.parse(part.dataset.options);
    const nameField = part.dataset.name ? form.elements[part.dataset.name] : null;
    part.hidden = false;
    button.addEventListener("click", async () => {
      // What the account is called must be there first; the password is not needed with a passkey.
      for (const needed of form.querySelectorAll("[data-passkey-needs]")) if (!needed.reportValidity()) return;
      failed.hidden = true;
      button.disabled = true;
      try {
        const made = part.dataset.passkey === "create" ? create(options, nameField && nameField.value) : get(options);
        form.elements.passkey.value = await made;
        form.submit();
      } catch (error) {
        failed.hidden = false;
        button.disabled = false;
      }
    });
  }
})();
