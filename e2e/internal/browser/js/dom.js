// Shared by every script of this folder; each runs in a scope of its own.

// all finds the elements below root that match, also in open shadow roots.
function all(root, css) {
	const hits = [...root.querySelectorAll(css)];
	if (root.shadowRoot) hits.push(...all(root.shadowRoot, css));
	for (const el of root.querySelectorAll("*")) {
		if (el.shadowRoot) hits.push(...all(el.shadowRoot, css));
	}
	return hits;
}

function visible(el) {
	const box = el.getBoundingClientRect();
	if (box.width <= 0 || box.height <= 0) return false;
	// Two spellings: the second is that of Chromium before 125.
	return el.checkVisibility({
		opacityProperty: true, visibilityProperty: true,
		checkOpacity: true, checkVisibilityCSS: true,
	});
}

const skipped = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "HEAD", "TITLE"]);

// textOf is the visible text below a node, through shadow roots and slots, with
// its white space collapsed.
function textOf(node) {
	const out = [];
	const shown = (el) => getComputedStyle(el).visibility === "visible";
	const walk = (n) => {
		if (n.nodeType === Node.TEXT_NODE) {
			const parent = n.parentElement ?? n.getRootNode().host;
			if (!parent || shown(parent)) out.push(n.data);
			return;
		}
		if (n.nodeType !== Node.ELEMENT_NODE) {
			for (const child of n.childNodes) walk(child);
			return;
		}
		if (skipped.has(n.tagName)) return;
		const display = getComputedStyle(n).display;
		if (display === "none") return;
		// An element with display: contents has no box of its own, but its children do.
		if (display !== "contents" && !n.checkVisibility()) return;
		const block = !display.startsWith("inline") && display !== "contents";
		if (block || n.tagName === "BR") out.push(" ");
		if (n.tagName === "INPUT") {
			if (["submit", "button", "reset"].includes(n.type) && shown(n)) out.push(" ", n.value, " ");
		} else if (n.tagName === "SLOT" && n.assignedNodes().length > 0) {
			for (const child of n.assignedNodes()) walk(child);
		} else if (n.tagName !== "TEXTAREA" && n.tagName !== "SELECT") {
			for (const child of (n.shadowRoot ?? n).childNodes) walk(child);
		}
		if (block) out.push(" ");
	};
	walk(node);
	return out.join("").replace(/\s+/g, " ").trim();
}

// pick lists the elements that a selector of ours means.
function pick(sel) {
	let found = [document];
	for (const css of sel.path) {
		found = [...new Set(found.flatMap((root) => sel.deep ? all(root, css) : [...root.querySelectorAll(css)]))];
	}
	if (sel.text) {
		const want = sel.text.toLowerCase();
		found = found.filter((el) => textOf(el).toLowerCase().includes(want));
	}
	return found;
}

// one is the first visible element of a selector, else the first, else null.
function one(sel) {
	const found = pick(sel);
	return found.find(visible) ?? found[0] ?? null;
}

// within tells whether b is a or below it, in the tree that is drawn.
function within(a, b) {
	for (let n = b; n; n = n.assignedSlot ?? n.parentNode ?? n.host) {
		if (n === a) return true;
	}
	return false;
}

function describe(el) {
	const id = el.id ? "#" + el.id : "";
	const classes = typeof el.className === "string" && el.className.trim() ? "." + el.className.trim().split(/\s+/).slice(0, 3).join(".") : "";
	return "<" + el.localName + id + classes + ">";
}
