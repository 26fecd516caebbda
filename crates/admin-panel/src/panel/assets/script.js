// Keeps an open page fresh: asks for its own address again every few seconds and takes over what has changed, node by node, so
// that nothing jumps, focus stays and opened details stay open. Without it everything works by reloading.
"use strict";

(() => {
  const body = document.body;
  const every = Number(body.dataset.refresh);
  if (!every) return;

  let timer = 0;
  let asking = false;

  const schedule = () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") timer = setTimeout(refresh, every);
  };

  // What a person changes on the page is theirs: an opened detail, a chosen or typed value.
  const kept = (element, name) =>
    (name === "open" && element.localName === "details") ||
    ((name === "value" || name === "checked" || name === "selected") &&
      /^(input|select|option|textarea)$/.test(element.localName));

  const sameKind = (one, other) =>
    one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id || "") === (other.id || "");

  const attributes = (from, to) => {
    for (const { name, value } of [...to.attributes]) {
      if (!kept(from, name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    for (const { name } of [...from.attributes]) {
      if (!kept(from, name) && !to.hasAttribute(name)) from.removeAttribute(name);
    }
  };

  const children = (from, to) => {
    let have = from.firstChild;
    for (const want of [...to.childNodes]) {
      // A node with an id is looked for further on, so that rows that come and go do not shift the others.
      if (have && !sameKind(have, want) && want.id) {
        let later = have.nextSibling;
        while (later && !sameKind(later, want)) later = later.nextSibling;
        if (later) {
          while (have !== later) {
            const gone = have;
            have = have.nextSibling;
            gone.remove();
          }
        }
      }
      if (have && sameKind(have, want)) {
        const next = have.nextSibling;
        morph(have, want);
        have = next;
      } else {
        from.insertBefore(document.importNode(want, true), have);
      }
    }
    while (have) {
      const gone = have;
      have = have.nextSibling;
      gone.remove();
    }
  };

  const morph = (from, to) => {
    if (from.nodeType === Node.TEXT_NODE) {
      if (from.data !== to.data) from.data = to.data;
      return;
    }
    if (from.nodeType !== Node.ELEMENT_NODE) return;
    attributes(from, to);
    children(from, to);
  };

  const tell = (fresh) => {
    body.classList.toggle("stale", !fresh);
    const note = document.getElementById("connection");
    if (note) note.hidden = fresh;
  };

  const refresh = async () => {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(location.pathname + location.search, {
        headers: { "X-Fragment": "1" },
        credentials: "same-origin",
        redirect: "error",
        signal: AbortSignal.timeout(20000),
      });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const next = fresh.getElementById(part.id);
        if (next) morph(part, next);
      }
      tell(true);
    } catch {
      tell(false);
    } finally {
      asking = false;
      schedule();
    }
  };

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") refresh();
    else clearTimeout(timer);
  });
  schedule();
})();
