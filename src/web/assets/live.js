"use strict";

// Reads the page again when the daemon reports a change, and replaces the parts marked `data-live`.
(() => {
  const offline = document.getElementById("offline");
  let source = null;
  let reading = false;
  let again = false;

  // What a person is typing or choosing must not disappear.
  const isInUse = (part) => {
    const active = document.activeElement;
    return part.contains(active) && active.matches("input, textarea, select");
  };

  const replace = (part, next) => {
    if (!next || isInUse(part) || part.innerHTML === next.innerHTML) return;
    const open = new Set([...part.querySelectorAll("details[open][id]")].map((it) => it.id));
    const active = part.contains(document.activeElement) ? document.activeElement : null;
    const focus = active && (active.id ? `#${CSS.escape(active.id)}`
      : active.getAttribute("href") ? `a[href="${CSS.escape(active.getAttribute("href"))}"]` : null);
    part.replaceChildren(...document.importNode(next, true).childNodes);
    for (const id of open) part.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    if (focus) part.querySelector(focus)?.focus({ preventScroll: true });
  };

  const read = async () => {
    if (reading) { again = true; return; }
    reading = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect") { location.reload(); return; }
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok) {
        // The player begins with its script, so a first result needs a new page.
        if (next.getElementById("player") && !document.getElementById("player")) { location.reload(); return; }
        for (const part of document.querySelectorAll("[data-live]")) {
          replace(part, next.getElementById(part.id));
        }
      }
    } catch {
      // The stream reports a lost connection.
    } finally {
      reading = false;
      if (again) { again = false; setTimeout(read, 1000); }
    }
  };

  const connect = () => {
    if (source || document.hidden) return;
    source = new EventSource("/events");
    source.addEventListener("changed", read);
    source.onopen = () => { if (!offline.hidden) { offline.hidden = true; read(); } };
    source.onerror = () => {
      offline.hidden = false;
      // A refused stream is not tried again by the browser.
      if (source && source.readyState === EventSource.CLOSED) {
        source = null;
        setTimeout(connect, 5000);
      }
    };
  };

  // A browser opens few connections to one host: hidden pages must not use them.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { source?.close(); source = null; } else { connect(); read(); }
  });
  if (document.querySelector("[data-live]")) connect();
})();
