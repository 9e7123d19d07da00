"use strict";
(() => {
  const all = (css, root = document) => [...root.querySelectorAll(css)];
  const said = document.getElementById("said");
  for (const el of all(".tools, .copy")) el.hidden = false; // of no use without this script

  // Copying. A page opened from disk may have no clipboard of its own.
  const copy = async (text) => {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* below */ }
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("aria-label", "text to copy");
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  for (const button of all(".copy")) {
    button.addEventListener("click", async () => {
      const done = await copy(button.dataset.copy);
      const name = button.dataset.name ||= button.textContent;
      button.textContent = done ? "Copied" : "Not copied";
      said.textContent = done ? "Copied to the clipboard" : "The browser does not let this page copy";
      setTimeout(() => { button.textContent = name; }, 1600);
    });
  }

  // Filter and fold.
  const checks = all("details.check");
  const show = (which) => {
    for (const b of all("[data-show]")) b.setAttribute("aria-pressed", String(b.dataset.show === which));
    let n = 0;
    for (const c of checks) {
      c.hidden = which === "problems" && ["pass", "skip"].includes(c.dataset.status);
      if (!c.hidden) n++;
    }
    said.textContent = n + (n === 1 ? " entry shown" : " entries shown");
  };
  for (const b of all("[data-show]")) b.addEventListener("click", () => show(b.dataset.show));
  for (const b of all("[data-fold]")) b.addEventListener("click", () => { for (const c of checks) c.open = b.dataset.fold === "open"; });

  // Verdicts of the conformance tests; a clause without any row left goes too.
  for (const b of all("[data-verdict]")) {
    b.addEventListener("click", () => {
      for (const other of all("[data-verdict]")) other.setAttribute("aria-pressed", String(other === b));
      let n = 0;
      for (const body of all(".verdicts tbody")) {
        const rows = all("[data-is]", body);
        for (const row of rows) {
          row.hidden = b.dataset.verdict !== "" && row.dataset.is !== b.dataset.verdict;
          if (!row.hidden) n++;
        }
        body.hidden = rows.every((row) => row.hidden);
      }
      said.textContent = n + (n === 1 ? " test shown" : " tests shown");
    });
  }

  // A link to a check opens it.
  const reveal = () => {
    const el = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const check = el && el.closest("details.check");
    if (!check) return;
    if (check.hidden) show("all");
    check.open = true;
    el.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  for (const a of all('a[href^="#check-"]')) a.addEventListener("click", () => setTimeout(reveal));
  reveal();

  // Paper shows everything that failed; what was folded by hand folds again.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])").filter((d) => d.closest(".s-fail, .s-error, .s-warn"));
    for (const d of folded) d.open = true;
  });
  addEventListener("afterprint", () => { for (const d of folded) d.open = false; });

  // Screenshots, large. The drawing is that of the film, looked at as a whole.
  const viewer = document.querySelector("dialog.viewer");
  if (!viewer) return; // the page of a matrix
  const stage = viewer.querySelector(".viewer-shot"), title = viewer.querySelector(".viewer-title");
  let film = [], at = 0;
  const turn = (to) => {
    at = (to + film.length) % film.length;
    const drawing = film[at].querySelector("svg").cloneNode(true);
    drawing.setAttribute("viewBox", film[at].dataset.full);
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", film[at].dataset.title);
    drawing.removeAttribute("aria-hidden");
    stage.replaceChildren(drawing);
    title.textContent = film[at].dataset.title;
    for (const b of all("[data-go]", viewer)) b.hidden = film.length < 2;
  };
  for (const shot of all(".shot")) {
    shot.addEventListener("click", () => {
      film = all(".shot", shot.closest(".film"));
      turn(film.indexOf(shot));
      viewer.showModal();
    });
  }
  for (const b of all("[data-go]", viewer)) b.addEventListener("click", () => turn(at + Number(b.dataset.go)));
  viewer.querySelector("[data-close]").addEventListener("click", () => viewer.close());
  viewer.addEventListener("click", (e) => { if (e.target === viewer) viewer.close(); });
  viewer.addEventListener("keydown", (e) => {
    if (e.key === "ArrowRight") turn(at + 1);
    if (e.key === "ArrowLeft") turn(at - 1);
  });
})();
