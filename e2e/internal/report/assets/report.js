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

  // Filters: what needs a look, a verdict, and words. What all of them let through is shown.
  const checks = all("details.check"), rows = all(".verdicts [data-is]");
  const passed = document.querySelector("details.passed"), find = document.getElementById("find");
  const wanted = { show: "all", verdict: "", words: [] };
  const texts = new Map(); // a report can be long, and reading it takes time
  const speaks = (el) => {
    if (!texts.has(el)) texts.set(el, el.textContent.toLowerCase());
    return wanted.words.every((w) => texts.get(el).includes(w));
  };
  const plural = (n, one, more) => n + " " + (n === 1 ? one : more) + " shown";
  const counted = (els) => els.filter((el) => !el.hidden).length;
  const press = (name) => { for (const b of all("[data-" + name + "]")) b.setAttribute("aria-pressed", String(b.dataset[name] === wanted[name])); };
  const apply = () => {
    for (const c of checks) c.hidden = (wanted.show === "problems" && ["pass", "skip"].includes(c.dataset.status)) || !speaks(c);
    for (const r of rows) r.hidden = (wanted.verdict !== "" && r.dataset.is !== wanted.verdict) || !speaks(r);
    for (const body of all(".verdicts tbody")) body.hidden = all("[data-is]", body).every((row) => row.hidden);
    for (const el of all(".lint, .hazard, .settings > div")) el.hidden = !speaks(el);
    if (passed) {
      passed.hidden = all("details.check", passed).every((c) => c.hidden);
      if (wanted.words.length) passed.open = true;
    }
    for (const el of all(".nothing")) el.hidden = checks.length === 0 || counted(checks) > 0;
    press("show");
    press("verdict");
  };
  for (const b of all("[data-show]")) b.addEventListener("click", () => { wanted.show = b.dataset.show; apply(); said.textContent = plural(counted(checks), "entry", "entries"); });
  for (const b of all("[data-verdict]")) b.addEventListener("click", () => { wanted.verdict = b.dataset.verdict; apply(); said.textContent = plural(counted(rows), "test", "tests"); });
  if (find) find.addEventListener("input", () => {
    wanted.words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    apply();
    said.textContent = plural(counted(checks), "entry", "entries");
  });
  for (const b of all("[data-fold]")) b.addEventListener("click", () => {
    for (const c of checks) c.open = b.dataset.fold === "open";
    if (passed) passed.open = b.dataset.fold === "open";
  });

  // A link to a check opens it.
  const reveal = () => {
    const el = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const check = el && el.closest("details.check");
    if (!check) return;
    if (check.hidden) {
      Object.assign(wanted, { show: "all", words: [] });
      if (find) find.value = "";
      apply();
    }
    if (passed && passed.contains(check)) passed.open = true;
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

  // What is wider than its place fades out where it goes on.
  const edges = (el) => {
    const rest = el.scrollWidth - el.clientWidth - el.scrollLeft;
    el.classList.toggle("on-left", el.scrollLeft > 2);
    el.classList.toggle("on-right", rest > 2);
  };
  const sizes = new ResizeObserver((seen) => { for (const s of seen) edges(s.target); });
  for (const el of all(".scroll, .film, pre, .links")) {
    sizes.observe(el);
    el.addEventListener("scroll", () => edges(el), { passive: true });
  }

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
