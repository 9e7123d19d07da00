// Where the element of a selector can be pressed, or why it cannot.
({ sel, press }) => {
	const page = { url: location.href, title: document.title };
	const el = one(sel);
	if (el === null) return { state: "missing", ...page };
	if (!visible(el)) return { state: "hidden", ...page };
	if (el.matches(":disabled") || el.getAttribute("aria-disabled") === "true") return { state: "disabled", ...page };
	const inside = (r) => r.top >= 0 && r.left >= 0 && r.bottom <= innerHeight && r.right <= innerWidth;
	const moved = !inside(el.getBoundingClientRect());
	if (moved) el.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
	const box = el.getBoundingClientRect();
	const line = [...el.getClientRects()].find((r) => r.width > 0 && r.height > 0) ?? box; // text that wraps has several
	const x = line.left + line.width / 2, y = line.top + line.height / 2;
	if (press) {
		let hit = document.elementFromPoint(x, y);
		for (let inner = hit; inner?.shadowRoot;) {
			inner = inner.shadowRoot.elementFromPoint(x, y);
			if (!inner || inner === hit) break;
			hit = inner;
		}
		const label = hit?.closest?.("label");
		const ok = hit && (within(el, hit) || (hit.shadowRoot && within(hit, el)) || label?.control === el);
		if (!ok) return { state: "covered", by: hit ? describe(hit) : "", ...page };
	}
	return { state: "ready", rect: [box.x, box.y, box.width, box.height], x, y, type: el.type ?? "", moved, ...page };
}
